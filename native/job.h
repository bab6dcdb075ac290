// A pass over a batch in chunks: the cut, and the memory that the pass works in.
#pragma once
#include "layer.h"
#include "runtime.h"

namespace attentive::ISA {

// `count` things in `chunks` parts of nearly one size.
struct Cut {
    long chunks, each, wider;  // the first `wider` chunks have one more than `each`

    Cut(long count, long chunks) : chunks(chunks), each(count / chunks), wider(count % chunks) {}
    long first(long chunk) const { return chunk * each + smaller(chunk, wider); }
    long count(long chunk) const { return each + (chunk < wider); }
    long most() const { return each + (wider > 0); }
};

// The packed weights, for each thread the buffers of a chunk, for each group of chunks the sums of its gradients.
template <class Pass, class Plan>
struct Job {
    Pass pass;
    const Plan plan;
    const long threads;  // that share the chunks
    Block weights, buffers, sums;
    long buffer_bytes = 0, sum_bytes = 0;

    Job(const Pass &pass, const Plan &plan, long threads) : pass(pass), plan(plan), threads(threads) {}

    // False: no memory. product_threads: those that share each product; short_products: see short.h.
    bool prepare(bool pack, long product_threads = 1, bool short_products = false) {
        Arena count, unused;
        Pass(pass).pack(count);
        pass.buffers(plan.most(), unused);
        buffer_bytes = unused.used;
        if (!buffers.reserve(threads * buffer_bytes)) return false;
        if (!pack) return true;
        if (!weights.reserve(count.used)) return false;
        Arena arena{weights.data(), 0, product_threads, short_products};
        pass.pack(arena);
        return true;
    }
    bool prepare_sums(long groups, long bytes) {
        sum_bytes = bytes;
        return sums.reserve(groups * bytes);
    }

    Arena arena(long thread) const { return {buffers.data() + thread * buffer_bytes}; }
    char *sum(long group) const { return sums.data() + group * sum_bytes; }
    void clear_sum(long group) const { clear(sum(group), sum_bytes); }

    // The sum of `count` groups, in the first of them.
    template <class T>
    T *total(long first, long count) const {
        T *to = reinterpret_cast<T *>(sum(first));
        for (long group = first + 1; group < first + count; group++) {
            const T *part = reinterpret_cast<const T *>(sum(group));
            for (long i = 0; i < sum_bytes / long(sizeof(T)); i++) to[i] += part[i];
        }
        return to;
    }
};

}  // namespace attentive::ISA
