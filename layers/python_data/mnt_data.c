/* Lets paths below /mnt/data lead to another folder, for a process and all that it starts: LD_PRELOAD loads this.
 *
 * Lambda lets nobody make /mnt/data. So each function of the C library that takes a path is defined here once more. It
 * gives the C library's own function the path where the file really is; functions that tell a path tell it below
 * /mnt/data. Python, its extension modules, C libraries and started programs all open files by way of these functions.
 * The environment variable SANDBOX_DATA names the folder.
 *
 * Programs without a dynamic C library, and system calls that a program makes by itself, see the real folder only. It
 * is no wall: nothing is kept from the code by it.
 *
 * Each wrapper has six arguments of a register's size, and hands all of them on, whatever its function has: on x86-64
 * and arm64, arguments that a function doesn't have do no harm, and those of `open(path, flags, ...)` come in registers.
 */
#include <stddef.h>
#include <string.h>

/* Other headers declare the functions below with their own parameters. */
#define PATH_MAX 4096
#define ERANGE 34
#define ENAMETOOLONG 36
#define RTLD_NEXT ((void *)-1L)
extern char **environ;
extern int *__errno_location(void);
extern char *getenv(const char *name);
extern void *dlsym(void *library, const char *name);

#define PARAMETERS long a0, long a1, long a2, long a3, long a4, long a5
#define ARGUMENTS a0, a1, a2, a3, a4, a5
typedef long function(PARAMETERS);

static const char MOUNT[] = "/mnt/data";
static char folder[PATH_MAX];
static size_t folder_length;

static const char *const KEPT[] = {"SANDBOX_DATA", "LD_PRELOAD", "LD_LIBRARY_PATH"};
#define KEPT_COUNT (sizeof KEPT / sizeof KEPT[0])
/* As in the environment, "NAME=value": programs that are started with another environment get these all the same. */
static char kept[KEPT_COUNT][3 * PATH_MAX];

/* Reads the environment. A fork that is to have another folder changes its environment and calls this again. */
__attribute__((constructor)) void mnt_data_start(void) {
    const char *given = getenv(KEPT[0]);
    folder_length = 0;
    if (!given || given[0] != '/' || strlen(given) >= sizeof folder || strlen(given) < strlen(MOUNT)) return;
    for (size_t i = 0; i < KEPT_COUNT; i++) {
        const char *value = getenv(KEPT[i]);
        if (value && strlen(KEPT[i]) + strlen(value) + 2 <= sizeof kept[i])
            strcat(strcat(strcpy(kept[i], KEPT[i]), "="), value);
    }
    strcpy(folder, given);
    folder_length = strlen(folder);
}

/* The rest of a path below /mnt/data, NULL for any other path. */
static const char *below_mount(const char *path) {
    static const char *const names[] = {"mnt", "data"};
    if (!folder_length || !path || path[0] != '/') return NULL;
    for (size_t i = 0; i < 2; i++) {
        while (path[0] == '/' || (path[0] == '.' && (path[1] == '/' || !path[1]))) path++;
        size_t length = strlen(names[i]);
        if (strncmp(path, names[i], length) || (path[length] && path[length] != '/')) return NULL;
        path += length;
    }
    return path;
}

/* The path where it really is, in the buffer; any other path as it is, and so is one that would be too long. */
static long real_path(long given, char *buffer) {
    const char *rest = below_mount((const char *)given);
    if (!rest || folder_length + strlen(rest) >= PATH_MAX) return given;
    memcpy(buffer, folder, folder_length);
    strcpy(buffer + folder_length, rest);
    return (long)buffer;
}

/* Makes a real path what the program knows it as; that is never longer. */
static char *shown(char *path) {
    if (path && folder_length && !strncmp(path, folder, folder_length) &&
        (!path[folder_length] || path[folder_length] == '/')) {
        memmove(path + strlen(MOUNT), path + folder_length, strlen(path + folder_length) + 1);
        memcpy(path, MOUNT, strlen(MOUNT));
    }
    return path;
}

static int is_below(long path) { return below_mount((const char *)path) != NULL; }

static function *find(const char *name) { return (function *)dlsym(RTLD_NEXT, name); }

#define REAL(name)                 \
    static function *real;         \
    if (!real) real = find(name)

/* A function whose arguments i and j are paths. A call with other paths is left as it is, its return address too:
 * `dlopen` looks for libraries on behalf of its caller. */
#define PATHS(name, i, j)                                                                    \
    long name(PARAMETERS) {                                                                  \
        REAL(#name);                                                                         \
        if (!is_below(a##i) && !is_below(a##j)) __attribute__((musttail)) return real(ARGUMENTS); \
        char first[PATH_MAX], second[PATH_MAX];                                              \
        a##i = real_path(a##i, first);                                                       \
        if (i != j) a##j = real_path(a##j, second);                                          \
        return real(ARGUMENTS);                                                              \
    }
#define PATH(name, i) PATHS(name, i, i)

PATH(open, 0) PATH(open64, 0) PATH(__open_2, 0) PATH(__open64_2, 0) PATH(creat, 0) PATH(creat64, 0)
PATH(openat, 1) PATH(openat64, 1) PATH(__openat_2, 1) PATH(__openat64_2, 1)
PATH(fopen, 0) PATH(fopen64, 0) PATH(freopen, 0) PATH(freopen64, 0)
PATH(stat, 0) PATH(stat64, 0) PATH(lstat, 0) PATH(lstat64, 0) PATH(fstatat, 1) PATH(fstatat64, 1) PATH(statx, 1)
/* `stat` in programs that were built for a C library before 2.33. */
PATH(__xstat, 1) PATH(__xstat64, 1) PATH(__lxstat, 1) PATH(__lxstat64, 1) PATH(__fxstatat, 2) PATH(__fxstatat64, 2)
PATH(__xmknod, 1) PATH(__xmknodat, 2)
PATH(access, 0) PATH(euidaccess, 0) PATH(eaccess, 0) PATH(faccessat, 1)
PATH(statfs, 0) PATH(statfs64, 0) PATH(statvfs, 0) PATH(statvfs64, 0) PATH(pathconf, 0)
PATH(chdir, 0) PATH(mkdir, 0) PATH(mkdirat, 1) PATH(mkfifo, 0) PATH(mkfifoat, 1) PATH(mknod, 0) PATH(mknodat, 1)
PATH(rmdir, 0) PATH(unlink, 0) PATH(unlinkat, 1) PATH(remove, 0) PATH(truncate, 0) PATH(truncate64, 0)
PATHS(rename, 0, 1) PATHS(renameat, 1, 3) PATHS(renameat2, 1, 3) PATHS(link, 0, 1) PATHS(linkat, 1, 3)
PATHS(symlink, 0, 1) PATHS(symlinkat, 0, 2)
PATH(chmod, 0) PATH(lchmod, 0) PATH(fchmodat, 1) PATH(chown, 0) PATH(lchown, 0) PATH(fchownat, 1)
PATH(utime, 0) PATH(utimes, 0) PATH(lutimes, 0) PATH(futimesat, 1) PATH(utimensat, 1)
PATH(getxattr, 0) PATH(lgetxattr, 0) PATH(setxattr, 0) PATH(lsetxattr, 0) PATH(listxattr, 0) PATH(llistxattr, 0)
PATH(removexattr, 0) PATH(lremovexattr, 0)
PATH(opendir, 0) PATH(scandir, 0) PATH(scandir64, 0) PATH(scandirat, 1) PATH(scandirat64, 1)
PATH(dlopen, 0) PATH(dlmopen, 1) PATH(inotify_add_watch, 1)
PATH(execv, 0) PATH(execvp, 0)
PATH(posix_spawn_file_actions_addopen, 2) PATH(posix_spawn_file_actions_addchdir_np, 1)

/* Functions that start a program with an environment of its own: argument i is the path, e the environment. */
static int is_of(const char *entry, const char *name) {
    size_t length = strlen(name);
    return !strncmp(entry, name, length) && entry[length] == '=';
}

static size_t missing(char **given, const char **entries) {
    size_t count = 0;
    for (size_t i = 0; i < KEPT_COUNT; i++) {
        char **entry = given;
        while (*entry && !is_of(*entry, KEPT[i])) entry++;
        if (!*entry && kept[i][0]) entries[count++] = kept[i];
    }
    return count;
}

#define STARTS(name, i, e)                                                     \
    long name(PARAMETERS) {                                                    \
        REAL(#name);                                                           \
        char path[PATH_MAX];                                                   \
        const char *entries[KEPT_COUNT];                                       \
        char **given = a##e ? (char **)a##e : environ;                         \
        size_t length = 0, more = folder_length && given ? missing(given, entries) : 0; \
        if (more) {                                                            \
            while (given[length]) length++;                                    \
            const char **all = __builtin_alloca((length + more + 1) * sizeof *all);      \
            memcpy(all, given, length * sizeof *all);                          \
            memcpy(all + length, entries, more * sizeof *all);                 \
            all[length + more] = NULL;                                         \
            a##e = (long)all;                                                  \
        }                                                                      \
        a##i = real_path(a##i, path);                                          \
        return real(ARGUMENTS);                                                \
    }
STARTS(execve, 0, 2) STARTS(execvpe, 0, 2) STARTS(posix_spawn, 1, 5) STARTS(posix_spawnp, 1, 5)

/* Functions that fill in the end of a path, XXXXXX. */
#define FILLS(name)                                                            \
    long name(PARAMETERS) {                                                    \
        REAL(#name);                                                           \
        char path[PATH_MAX], *given = (char *)a0;                              \
        a0 = real_path(a0, path);                                              \
        long result = real(ARGUMENTS);                                         \
        if (a0 != (long)path) return result;                                   \
        memcpy(given + strlen(given) - 6, path + strlen(path) - 6, 6);         \
        return result == (long)path ? (long)given : result;                    \
    }
FILLS(mkstemp) FILLS(mkstemp64) FILLS(mkostemp) FILLS(mkostemp64) FILLS(mkdtemp)

/* Functions that tell where a link leads: path, buffer and its size are the arguments i, b and s. */
#define READS(name, i, b, s)                                                   \
    long name(PARAMETERS) {                                                    \
        REAL(#name);                                                           \
        char path[PATH_MAX], target[PATH_MAX + 1], *given = (char *)a##b;      \
        size_t room = (size_t)a##s;                                            \
        a##i = real_path(a##i, path);                                          \
        a##b = (long)target;                                                   \
        a##s = PATH_MAX;                                                       \
        long length = (ptrdiff_t)real(ARGUMENTS);                              \
        if (length < 0) return length;                                         \
        target[length] = 0;                                                    \
        size_t told = strlen(shown(target));                                   \
        if (told > room) told = room;                                          \
        memcpy(given, target, told);                                           \
        return (long)told;                                                     \
    }
READS(readlink, 0, 1, 2) READS(readlinkat, 1, 2, 3)

long __readlink_chk(PARAMETERS) { return readlink(a0, a1, a2, 0, 0, 0); }
long __readlinkat_chk(PARAMETERS) { return readlinkat(a0, a1, a2, a3, 0, 0); }

/* Functions that tell a path in a buffer of the caller, or in memory of their own. */
long realpath(PARAMETERS) {
    REAL("realpath");
    char path[PATH_MAX];
    a0 = real_path(a0, path);
    return (long)shown((char *)real(ARGUMENTS));
}
long __realpath_chk(PARAMETERS) { return realpath(a0, a1, 0, 0, 0, 0); }
long canonicalize_file_name(PARAMETERS) { return realpath(a0, 0, 0, 0, 0, 0); }

long get_current_dir_name(PARAMETERS) {
    REAL("getcwd");
    return (long)shown((char *)real(0, 0, 0, 0, 0, 0));
}
long getcwd(PARAMETERS) {
    REAL("getcwd");
    if (!a0 || !folder_length) return (long)shown((char *)real(ARGUMENTS));
    /* The folder's own path may be longer than the buffer. */
    char path[PATH_MAX];
    if (!real((long)path, sizeof path, 0, 0, 0, 0)) {
        /* Whoever is told that the buffer is too short tries longer ones, and no path may be longer than this. */
        if (*__errno_location() == ERANGE) *__errno_location() = ENAMETOOLONG;
        return 0;
    }
    if (path[0] != '/' || strlen(shown(path)) >= (size_t)a1) return real(ARGUMENTS);
    return (long)strcpy((char *)a0, path);
}
long __getcwd_chk(PARAMETERS) { return getcwd(a0, a1, 0, 0, 0, 0); }
long getwd(PARAMETERS) { return getcwd(a0, PATH_MAX, 0, 0, 0, 0); }

/* The beginning of `glob_t`, the last argument. */
struct found {
    size_t count;
    char **paths;
    size_t offset;
};
#define GLOBS(name)                                                            \
    long name(PARAMETERS) {                                                    \
        REAL(#name);                                                           \
        char path[PATH_MAX];                                                   \
        a0 = real_path(a0, path);                                              \
        long result = real(ARGUMENTS);                                         \
        const struct found *found = (const struct found *)a3;                  \
        if ((int)result == 0 && a0 == (long)path)                              \
            for (size_t i = 0; i < found->count; i++) shown(found->paths[found->offset + i]); \
        return result;                                                         \
    }
GLOBS(glob) GLOBS(glob64)
