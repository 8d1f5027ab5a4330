/* A program that does to files what its arguments say, one after the other. Each call prints its name, what it returned
 * and errno. `fork:N` and `threads:N` do the rest of the arguments in N processes or threads at a time; each has a letter
 * of its own, of which its data are made. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

struct worker { char **argv; int fd; int letter; };

static void told(const char *name, long ret) {
    char line[128];
    int e = ret < 0 ? errno : 0;
    int n = snprintf(line, sizeof line, "%s %ld %d\n", name, ret, e);
    if (write(1, line, n) != n) _exit(9);
}

static int mode(const char *m) {
    int flags = O_WRONLY;
    for (; *m; m++) switch (*m) {
        case 'a': flags |= O_APPEND; break;
        case 'c': flags |= O_CREAT; break;
        case 't': flags |= O_TRUNC; break;
        case 'x': flags |= O_EXCL; break;
        case 'r': flags &= ~O_ACCMODE; break;
    }
    return flags;
}

static void run(struct worker w);
static void *thread(void *w) { run(*(struct worker *)w); return 0; }

static void run(struct worker w) {
    for (; *w.argv; w.argv++) {
        char copy[4096], *at = copy;
        snprintf(copy, sizeof copy, "%s", *w.argv);
        char *op = strsep(&at, ":"), *a = at ? strsep(&at, ":") : "", *b = at ? strsep(&at, ":") : "";
        size_t len = strtoul(a, 0, 10), more = strtoul(b, 0, 10);
        if (!strcmp(op, "fork") || !strcmp(op, "threads")) {
            struct worker of[64];
            pthread_t ids[64];
            for (size_t i = 0; i < len; i++) {
                of[i] = (struct worker){w.argv + 1, w.fd, (int)(w.letter * len + i)};
                if (*op == 't') pthread_create(&ids[i], 0, thread, &of[i]);
                else if (!fork()) { run(of[i]); _exit(0); }
            }
            for (size_t i = 0; i < len; i++) if (*op == 't') pthread_join(ids[i], 0); else wait(0);
            return;
        }
        long ret = -1;
        char *data = malloc(len + more + 1);
        memset(data, 'a' + w.letter, len + more + 1);
        if (!strcmp(op, "open")) ret = (w.fd = open(a, mode(b), 0600)) < 0 ? -1 : 0;
        else if (!strcmp(op, "write")) ret = write(w.fd, data, len);
        else if (!strcmp(op, "writev")) {
            struct iovec v[3] = {{data, len / 3}, {data + len / 3, 0}, {data + len / 3, len - len / 3}};
            ret = writev(w.fd, v, 3);
        }
        else if (!strcmp(op, "pwrite")) ret = pwrite(w.fd, data, len, more);
        else if (!strcmp(op, "pwritev2")) {
            struct iovec v = {data, len};
            ret = pwritev2(w.fd, &v, 1, -1, 0);
        }
        else if (!strcmp(op, "many")) for (size_t i = 0; i < len; i++) ret = write(w.fd, data, more);
        else if (!strcmp(op, "null")) ret = syscall(SYS_write, w.fd, (void *)8, 5L);
        else if (!strcmp(op, "read")) ret = read(w.fd, data, len);
        else if (!strcmp(op, "pread")) ret = pread(w.fd, data, len, more);
        else if (!strcmp(op, "seek")) ret = lseek(w.fd, len, SEEK_SET);
        else if (!strcmp(op, "close")) ret = close(w.fd);
        else if (!strcmp(op, "ftruncate")) ret = ftruncate(w.fd, len);
        else if (!strcmp(op, "truncate")) ret = truncate(a, more);
        else if (!strcmp(op, "fsync")) ret = fsync(w.fd);
        else if (!strcmp(op, "fdatasync")) ret = fdatasync(w.fd);
        else if (!strcmp(op, "fallocate")) ret = posix_fallocate(w.fd, 0, len);
        else if (!strcmp(op, "rename")) ret = rename(a, b);
        else if (!strcmp(op, "unlink")) ret = unlink(a);
        else if (!strcmp(op, "mkdir")) ret = mkdir(a, 0700);
        else if (!strcmp(op, "rmdir")) ret = rmdir(a);
        else if (!strcmp(op, "link")) ret = link(a, b);
        else if (!strcmp(op, "chdir")) ret = chdir(a);
        else if (!strcmp(op, "hide")) ret = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        else if (!strcmp(op, "uring")) ret = syscall(SYS_io_uring_setup, 1, data);
        else if (!strcmp(op, "copy")) { int in = open(a, O_RDONLY); ret = copy_file_range(in, 0, w.fd, 0, 100, 0); close(in); }
        else if (!strcmp(op, "sendfile")) { int in = open(a, O_RDONLY); ret = sendfile(w.fd, in, 0, 100); close(in); }
        else if (!strcmp(op, "splice")) {
            int p[2];
            if (pipe(p) || write(p[1], data, 1) != 1) _exit(9);
            ret = splice(p[0], 0, w.fd, 0, 1, 0);
        }
        else if (!strcmp(op, "line")) { char c = 0; while ((ret = read(0, &c, 1)) == 1 && c != '\n'); }
        else if (!strcmp(op, "exit")) _exit((int)len);
        else _exit(8);
        free(data);
        told(op, ret);
    }
}

int main(int argc, char **argv) {
    (void)argc;
    run((struct worker){argv + 1, -1, 0});
    return 0;
}
