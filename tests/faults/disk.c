/*
 * A disk on which things go wrong, for LD_PRELOAD.
 * DISK_SYNCED: a folder. Every file that is synced is copied there, as it is then, and what was deleted is deleted there
 * when its folder is synced: after a power cut a disk holds that, if nothing that was done later had reached it.
 * DISK_FAULT: a file. While it exists, writes to files whose name holds "orq.db" fail: with ENOSPC when its first letter
 * is F (full), with EROFS when it is R (read-only; they cannot be opened for writing then either), with EIO otherwise.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

static int path_of(int fd, char *path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size - 1);
  if (length < 0) return -1;
  path[length] = 0;
  return 0;
}

static int is_ours(int fd, char *path, size_t size) { return !path_of(fd, path, size) && strstr(path, "/orq.db"); }

static int (*real_open)(const char *, int, ...);

static char letter_now(void) {
  const char *fault = getenv("DISK_FAULT");
  char letter = 0;
  int file = fault ? real_open(fault, O_RDONLY) : -1;
  if (file < 0) return 0;
  if (read(file, &letter, 1) != 1) letter = 0;
  close(file);
  return letter;
}

static int fault_of(int fd) {
  char path[4096], letter = letter_now();
  if (!letter || !is_ours(fd, path, sizeof path)) return 0;
  return letter == 'F' ? ENOSPC : letter == 'R' ? EROFS : EIO;
}

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);

__attribute__((constructor)) static void find(void) {
  real_open = dlsym(RTLD_NEXT, "open64");
  real_write = dlsym(RTLD_NEXT, "write");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
}

/* Forgets what is no longer in this folder. */
static void forget(const char *from, const char *folder) {
  char path[4400];
  snprintf(path, sizeof path, "%s/orq.db", from);
  if (access(path, F_OK)) return;
  DIR *copies = opendir(folder);
  for (struct dirent *entry; copies && (entry = readdir(copies));) {
    snprintf(path, sizeof path, "%s/%s", from, entry->d_name);
    if (!access(path, F_OK)) continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    unlink(path);
  }
  if (copies) closedir(copies);
}

/* Written beside its place and moved there, so that an end in the middle leaves the last whole copy. */
static void keep(int fd) {
  const char *folder = getenv("DISK_SYNCED");
  char path[4096], copy[4200], part[4210], buffer[65536];
  struct stat is;
  if (!folder || fstat(fd, &is)) return;
  if (S_ISDIR(is.st_mode) && !path_of(fd, path, sizeof path)) forget(path, folder);
  if (S_ISDIR(is.st_mode) || !is_ours(fd, path, sizeof path)) return;
  snprintf(copy, sizeof copy, "%s%s", folder, strrchr(path, '/'));
  snprintf(part, sizeof part, "%s.part", copy);
  pthread_mutex_lock(&one);
  int to = real_open(part, O_CREAT | O_TRUNC | O_WRONLY, 0600);
  off_t at = 0;
  ssize_t got;
  while ((got = pread(fd, buffer, sizeof buffer, at)) > 0) {
    if (real_write(to, buffer, got) != got) abort();
    at += got;
  }
  close(to);
  if (got < 0 || rename(part, copy)) abort();
  pthread_mutex_unlock(&one);
}

static int open_any(const char *path, int flags, mode_t mode) {
  if ((flags & O_ACCMODE) != O_RDONLY && strstr(path, "orq.db") && letter_now() == 'R') {
    errno = EROFS;
    return -1;
  }
  return real_open(path, flags, mode);
}

/* The mode is there only where a file may be made. */
#define MODE_OF(flags, mode) \
  va_list rest; \
  va_start(rest, flags); \
  mode_t mode = (flags & O_CREAT) ? va_arg(rest, int) : 0; \
  va_end(rest)

int open64(const char *path, int flags, ...) {
  MODE_OF(flags, mode);
  return open_any(path, flags, mode);
}

int open(const char *path, int flags, ...) {
  MODE_OF(flags, mode);
  return open_any(path, flags, mode);
}

ssize_t write(int fd, const void *bytes, size_t count) {
  int fault = fault_of(fd);
  if (!fault) return real_write(fd, bytes, count);
  errno = fault;
  return -1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) {
  int fault = fault_of(fd);
  if (!fault) return real_pwrite(fd, bytes, count, at);
  errno = fault;
  return -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

int fsync(int fd) {
  keep(fd);
  return real_fsync(fd);
}

int fdatasync(int fd) {
  keep(fd);
  return real_fdatasync(fd);
}
