/* A machine that misbehaves as a file says, for the one process (and its children) that is started with this library
 * preloaded: what it syncs takes long, what it writes finds no room, its wall clock is wrong. Monotonic clocks go on. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The layout that faulty_machine.py writes. */
struct faults {
    volatile int64_t sync_nanoseconds; /* how long a sync takes at least */
    volatile int64_t full;             /* whether the disk has no room */
    volatile int64_t clock_seconds;    /* how far the wall clock is ahead */
    volatile int64_t syncs;            /* how many syncs were held up */
    volatile int64_t refusals;         /* how many writes found no room */
    volatile int64_t looks;            /* how often a wrong clock was read */
};

static struct faults none;
static struct faults *faults = &none;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULTY_MACHINE");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *mapped = mmap(NULL, sizeof(struct faults), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED)
        faults = mapped;
    close(file);
}

static int64_t monotonic(void)
{
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Waits as long as the disk is slow; one that was mended lets go at once. */
static void wait_for_disk(void)
{
    const struct timespec moment = {0, 5000000};
    int64_t began = monotonic();
    if (faults->sync_nanoseconds > 0)
        __sync_fetch_and_add(&faults->syncs, 1);
    while (monotonic() - began < faults->sync_nanoseconds)
        nanosleep(&moment, NULL);
}

int fsync(int file)
{
    wait_for_disk();
    return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file)
{
    wait_for_disk();
    return (int)syscall(SYS_fdatasync, file);
}

ssize_t pwrite64(int file, const void *from, size_t size, off64_t at)
{
    if (faults->full) {
        __sync_fetch_and_add(&faults->refusals, 1);
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, file, from, size, at);
}

ssize_t pwrite(int file, const void *from, size_t size, off_t at)
{
    return pwrite64(file, from, size, at);
}

static int64_t ahead(void)
{
    if (faults->clock_seconds)
        __sync_fetch_and_add(&faults->looks, 1);
    return faults->clock_seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += ahead();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec told;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &told);
    now->tv_sec = told.tv_sec;
    now->tv_usec = told.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now)
{
    struct timespec told;
    clock_gettime(CLOCK_REALTIME, &told);
    if (now)
        *now = told.tv_sec;
    return told.tv_sec;
}
