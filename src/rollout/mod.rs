//! THE FORMAT.
pub mod generate;
pub mod history;
pub mod id;
pub mod locate;
pub mod manifest;
pub mod meta;
pub mod mutate;
pub mod reader;
pub mod record;
pub mod settings;
pub mod writer;

pub use history::{History, read_history};
pub use id::{IdError, ThreadId};
pub use locate::find_thread_path_by_id_str;
pub use meta::{SessionMeta, read_session_meta_line};
