/* LD_PRELOAD recorder of what a program asks of its disk: writes, truncations, fsyncs and names below one folder.
 *
 * gcc -O2 -shared -fPIC -o recorder.so recorder.c -ldl -lpthread
 * RECORDER_LOG: the file to append to. RECORDER_FOLDER: the folder, absolute; with everything in it.
 * One entry: operation (u8), file (u32, a hash of its path), offset (u64), length (u32), then so many bytes.
 * O opened (path), W written, T truncated to offset, F synced, U unlinked (path). Each is noted after it succeeded.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES 4096
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int log_fd = -1;
static const char *folder;
static uint32_t file_of[FILES]; /* 0: not recorded */
static ssize_t (*real_write)(int, const void *, size_t);
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void begin(void)
{
    const char *path = getenv("RECORDER_LOG");
    real_write = REAL(write);
    folder = getenv("RECORDER_FOLDER");
    if (path && folder)
        log_fd = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void note(char operation, uint32_t file, uint64_t offset, const void *data, uint32_t length)
{
    char head[17];
    head[0] = operation;
    memcpy(head + 1, &file, 4);
    memcpy(head + 5, &offset, 8);
    memcpy(head + 13, &length, 4);
    pthread_mutex_lock(&lock);
    if (real_write(log_fd, head, sizeof head) != sizeof head || (length && real_write(log_fd, data, length) != length))
        abort();
    pthread_mutex_unlock(&lock);
}

static uint32_t named(const char *path)
{
    uint32_t hash = 2166136261u;
    while (*path)
        hash = (hash ^ (unsigned char)*path++) * 16777619u;
    return hash | 1;
}

static int recorded(const char *path)
{
    pthread_once(&once, begin);
    return log_fd >= 0 && !strncmp(path, folder, strlen(folder));
}

static uint32_t file(int fd)
{
    return fd >= 0 && fd < FILES ? file_of[fd] : 0;
}

static int opened(int fd, const char *path)
{
    if (fd >= 0 && fd < FILES) {
        file_of[fd] = recorded(path) ? named(path) : 0;
        if (file_of[fd])
            note('O', file_of[fd], 0, path, strlen(path));
    }
    return fd;
}

static ssize_t written(int fd, const void *data, ssize_t length, off_t offset)
{
    if (length > 0 && file(fd))
        note('W', file(fd), offset, data, length);
    return length;
}

static int truncated(int fd, off_t length, int result)
{
    if (!result && file(fd))
        note('T', file(fd), length, 0, 0);
    return result;
}

static int synced(int fd, int result)
{
    if (!result && file(fd))
        note('F', file(fd), 0, 0, 0);
    return result;
}

#define MODE                               \
    int mode = 0;                          \
    if (flags & (O_CREAT | O_TMPFILE)) {   \
        va_list rest;                      \
        va_start(rest, flags);             \
        mode = va_arg(rest, int);          \
        va_end(rest);                      \
    }

int open(const char *path, int flags, ...) { MODE return opened(REAL(open)(path, flags, mode), path); }
int open64(const char *path, int flags, ...) { MODE return opened(REAL(open64)(path, flags, mode), path); }
int openat(int at, const char *path, int flags, ...) { MODE return opened(REAL(openat)(at, path, flags, mode), path); }
int openat64(int at, const char *path, int flags, ...) { MODE return opened(REAL(openat64)(at, path, flags, mode), path); }

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset)
{
    return written(fd, data, REAL(pwrite)(fd, data, length, offset), offset);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset)
{
    return written(fd, data, REAL(pwrite64)(fd, data, length, offset), offset);
}

ssize_t write(int fd, const void *data, size_t length)
{
    pthread_once(&once, begin);
    ssize_t done = real_write(fd, data, length);
    /* The place is asked for afterwards: before, it is not the end of a file that is opened for appending. */
    return file(fd) ? written(fd, data, done, lseek(fd, 0, SEEK_CUR) - done) : done;
}

int ftruncate(int fd, off_t length) { return truncated(fd, length, REAL(ftruncate)(fd, length)); }
int ftruncate64(int fd, off64_t length) { return truncated(fd, length, REAL(ftruncate64)(fd, length)); }
int fsync(int fd) { return synced(fd, REAL(fsync)(fd)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)(fd)); }

int unlink(const char *path)
{
    int result = REAL(unlink)(path);
    if (!result && recorded(path))
        note('U', named(path), 0, path, strlen(path));
    return result;
}

int close(int fd)
{
    if (fd >= 0 && fd < FILES)
        file_of[fd] = 0;
    return REAL(close)(fd);
}
