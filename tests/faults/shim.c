/* Preloaded into a process, this makes its disk slow and its wall clock wrong, as two numbers in a file say.
 *
 * BEZANT_TEST_SHIM names the file: microseconds that fsync takes longer, microseconds that the wall clock is
 * ahead, both int64. It is mapped, so what a test writes holds at once. Monotonic clocks are left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *orders;

static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);

__attribute__((constructor)) static void begin(void)
{
    real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    const char *path = getenv("BEZANT_TEST_SHIM");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) {
        void *mapped = mmap(NULL, 2 * sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
        orders = mapped == MAP_FAILED ? NULL : mapped;
        close(file);
    }
}

static void dawdle(void)
{
    if (orders && orders[0])
        usleep((useconds_t)orders[0]);
}

int fsync(int file)
{
    dawdle();
    return real_fsync(file);
}

int fdatasync(int file)
{
    dawdle();
    return real_fdatasync(file);
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    int outcome = real_clock_gettime(clock, at);
    if (outcome == 0 && orders && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        at->tv_sec += orders[1] / 1000000;
    return outcome;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}
