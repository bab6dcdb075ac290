// What the kernels need of the machine: pooled memory, and threads. Compiled once, for any machine.
#pragma once
#include <cstdint>

namespace attentive {

// A block of memory, its own where a little is enough and else from the pool, given back when the owner goes. Fresh
// pages cost more than the arithmetic on them.
class Block {
  public:
    Block() = default;
    Block(const Block &) = delete;
    Block &operator=(const Block &) = delete;
    ~Block();
    bool reserve(int64_t bytes);  // once; false: no memory
    char *data() const { return data_; }

  private:
    char *data_ = nullptr;
    alignas(64) char own_[8192];
};

char *pool_take(int64_t bytes);  // 64-byte aligned, at least that long; null: no memory
void pool_give(char *data);
int64_t pool_bytes();            // what the pool keeps for the next call
void pool_limit(int64_t bytes);  // the most that it keeps; until it is set, 1 GiB, or the most that was in use at once

// task(context, i, thread) for i in 0..tasks, on at most `threads` threads, of which the caller is number 0. Runs on
// the caller alone where another call has the threads.
typedef void (*Task)(void *context, long i, long thread);
void parallel(long tasks, long threads, Task task, void *context);

}  // namespace attentive
