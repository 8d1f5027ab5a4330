//! The binary: everything stands in the library.

fn main() -> std::process::ExitCode {
    rehydra::cli::main()
}
