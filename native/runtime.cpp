#include "runtime.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <new>
#include <thread>

namespace attentive {
namespace {

// Blocks are kept by size, header included. What does not fit the limit goes back to the system, the largest first. Where
// none is set the pool may keep as much as was in use at once, so that the next training step of deep layers on long
// sequences finds the memory of the last one.
struct Pool {
    std::mutex mutex;
    std::multimap<int64_t, char *> free;
#ifdef __SANITIZE_ADDRESS__
    int64_t limit = 0;
    bool is_set = true;
#else
    int64_t limit = int64_t(1) << 30;
    bool is_set = false;
#endif
    int64_t kept = 0, used = 0;

    void use(int64_t bytes) {
        used += bytes;
        if (!is_set && used > limit) limit = used;
    }
    void keep_at_most(int64_t bytes) {
        while (kept > bytes) {
            const auto largest = std::prev(free.end());
            kept -= largest->first;
            ::free(largest->second);
            free.erase(largest);
        }
    }
};

constexpr int64_t header = 64, huge_page = int64_t(2) << 20;

int64_t &size_of(char *data) { return *reinterpret_cast<int64_t *>(data - header); }

char *fresh(int64_t bytes) {
    const int64_t alignment = bytes >= huge_page ? huge_page : 64;
    void *memory = nullptr;
    if (posix_memalign(&memory, alignment, bytes) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
    if (bytes >= huge_page) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return static_cast<char *>(memory);
}

struct Threads {
    std::atomic_flag owned = ATOMIC_FLAG_INIT;  // by the call that has the threads
    std::mutex mutex;
    std::condition_variable wake, done;
    long started = 0;
    long wanted = 0;   // of them, how many the present job wants
    long working = 0;  // of them, how many have not finished it
    uint64_t job = 0;  // its number
    Task task = nullptr;
    void *context = nullptr;
    std::atomic<long> next{0};
    long tasks = 0;

    void work(long thread) {
        for (long i; (i = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) task(context, i, thread);
    }
    void member(long thread, uint64_t seen) {
        std::unique_lock<std::mutex> lock(mutex);
        for (;;) {
            wake.wait(lock, [&] { return job != seen; });
            seen = job;
            if (thread > wanted) continue;
            lock.unlock();
            work(thread);
            lock.lock();
            if (--working == 0) done.notify_one();
        }
    }
};

// Neither is ever destroyed: threads may still wait on them while the process exits. A forked child starts afresh,
// for the parent's threads do not exist in it and its locks may be held for ever.
Pool *pool = new Pool;
Threads *threads_of_process = new Threads;

void after_fork() {
    pool = new Pool;
    threads_of_process = new Threads;
}
const int registered = pthread_atfork(nullptr, nullptr, after_fork);

}  // namespace

char *pool_take(int64_t bytes) {
#ifdef __SANITIZE_ADDRESS__
    bytes += header;  // exactly, so that what reads past the end is found
#else
    bytes = (bytes + header + 4095) / 4096 * 4096;
#endif
    {
        std::lock_guard<std::mutex> lock(pool->mutex);
        const auto found = pool->free.lower_bound(bytes);
        if (found != pool->free.end() && found->first <= bytes + bytes / 4 + (64 << 10)) {
            char *memory = found->second;
            pool->kept -= found->first;
            pool->use(found->first);
            pool->free.erase(found);
            return memory + header;
        }
    }
    char *memory = fresh(bytes);
    if (!memory) return nullptr;
    *reinterpret_cast<int64_t *>(memory) = bytes;
    std::lock_guard<std::mutex> lock(pool->mutex);
    pool->use(bytes);
    return memory + header;
}

void pool_give(char *data) {
    if (!data) return;
    const int64_t bytes = size_of(data);
    char *memory = data - header;
    std::lock_guard<std::mutex> lock(pool->mutex);
    pool->used -= bytes;
    if (bytes > pool->limit) return ::free(memory);
    pool->keep_at_most(pool->limit - bytes);
    pool->free.emplace(bytes, memory);
    pool->kept += bytes;
}

int64_t pool_bytes() {
    std::lock_guard<std::mutex> lock(pool->mutex);
    return pool->kept;
}

void pool_limit(int64_t bytes) {
    std::lock_guard<std::mutex> lock(pool->mutex);
    pool->limit = bytes, pool->is_set = true;
    pool->keep_at_most(bytes);
}

Block::~Block() {
    if (data_ != own_) pool_give(data_);
}

bool Block::reserve(int64_t bytes) {
    data_ = bytes <= int64_t(sizeof own_) ? own_ : pool_take(bytes);
    return data_ != nullptr;
}

void parallel(long tasks, long threads, Task task, void *context) {
    Threads &t = *threads_of_process;
    if (threads > tasks) threads = tasks;
    if (threads <= 1 || t.owned.test_and_set(std::memory_order_acquire)) {
        for (long i = 0; i < tasks; i++) task(context, i, 0);
        return;
    }
    {
        std::lock_guard<std::mutex> lock(t.mutex);
        for (; t.started < threads - 1; t.started++) {
            try {
                std::thread(&Threads::member, &t, t.started + 1, t.job).detach();
            } catch (const std::system_error &) {
                break;  // the system gives no more threads: go on with those there are
            }
        }
        t.task = task, t.context = context, t.tasks = tasks;
        t.next.store(0, std::memory_order_relaxed);
        t.wanted = t.working = t.started < threads - 1 ? t.started : threads - 1;
        t.job++;
    }
    t.wake.notify_all();
    t.work(0);
    {
        std::unique_lock<std::mutex> lock(t.mutex);
        t.done.wait(lock, [&] { return t.working == 0; });
    }
    t.owned.clear(std::memory_order_release);
}

}  // namespace attentive
