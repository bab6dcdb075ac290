// Which rows of the batch a chunk holds, and which step of the input each of them reads. Rows are sorted by falling
// length, so that the rows that still run are always the first ones of a chunk.
#pragma once
#include "job.h"

namespace attentive::ISA {

constexpr long most_groups = 32;

// Weights beyond the second-level cache are fetched anew at every step: then more rows should share them.
inline bool large_weights(long inputs, long units) { return (inputs + units) * (4 * units + inputs) > 400000; }

// The batch cut into chunks that run through all steps without waiting for each other. The cut depends on the sizes
// alone, and chunks are summed in groups in a fixed order: results do not depend on the number of threads. Two and four
// threads get as many chunks each.
struct Plan : Cut {
    long groups;

    Plan(long rows, bool large) : Cut(rows, chunks_for(rows, large)), groups(smaller(chunks, most_groups)) {}

    static long chunks_for(long rows, bool large) {
        const long most = large ? 96 : rows < 48 ? 16 : 32, chunks = (rows + most - 1) / most;
        if (chunks == 1 || large) return chunks;
        return rows < 64 ? (chunks + 1) / 2 * 2 : (chunks + 3) / 4 * 4;
    }
};

struct Rows {
    const int64_t *order, *lengths;  // both null where every row has all steps
    long steps, first, count;
    bool reverse;

    ALWAYS_INLINE long row(long i) const { return order ? order[first + i] : first + i; }
    ALWAYS_INLINE long length(long i) const { return lengths ? lengths[row(i)] : steps; }
    ALWAYS_INLINE long time(long step, long i) const { return reverse ? length(i) - 1 - step : step; }
    long running(long step, long from) const {  // how many rows run at a step, at most `from`
        while (from > 0 && length(from - 1) <= step) from--;
        return from;
    }
};

// order: the rows from the longest to the shortest, equal ones as they stand. starts: steps + 1 numbers to work with.
inline void sort_rows(const int64_t *lengths, long rows, long steps, int64_t *order, int64_t *starts) {
    clear(starts, steps + 1);
    for (long b = 0; b < rows; b++) starts[steps - lengths[b]]++;
    long total = 0;
    for (long k = 0; k <= steps; k++) {
        const long count = starts[k];
        starts[k] = total;
        total += count;
    }
    for (long b = 0; b < rows; b++) order[starts[steps - lengths[b]]++] = b;
}

}  // namespace attentive::ISA
