// What the native checks share: tensors of exactly their size, and the comparison of results.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace checks {

inline int failures = 0;

inline void expect(bool good, const char *what, double value = 0) {
    if (good) return;
    std::printf("FAILED: %s (%g)\n", what, value);
    failures++;
}

// The tensors of a call, filled with the same numbers in float and in double; what is to be written is NaN before.
template <class S>
struct Tensors {
    std::vector<std::unique_ptr<S[]>> held;
    std::vector<std::pair<S *, int64_t>> results;
    std::mt19937 random{7};

    const S *input(int64_t count, double scale) {
        std::uniform_real_distribution<double> uniform(-scale, scale);
        S *data = empty(count);
        for (int64_t i = 0; i < count; i++) data[i] = S(float(uniform(random)));
        return data;
    }
    S *empty(int64_t count) {
        held.emplace_back(new S[count]);
        for (int64_t i = 0; i < count; i++) held.back()[i] = S(NAN);
        return held.back().get();
    }
    S *result(int64_t count) {
        results.emplace_back(empty(count), count);
        return results.back().first;
    }
};

template <class S>
bool same(const Tensors<S> &a, const Tensors<S> &b) {
    for (size_t k = 0; k < a.results.size(); k++)
        if (std::memcmp(a.results[k].first, b.results[k].first, a.results[k].second * sizeof(S)) != 0) return false;
    return true;
}

inline void expect_near(const Tensors<float> &narrow, const Tensors<double> &wide, const char *what, double most = 2e-4) {
    for (size_t k = 0; k < narrow.results.size(); k++) {
        double error = 0, size = 1e-6;
        for (int64_t i = 0; i < narrow.results[k].second; i++) {
            error += std::pow(narrow.results[k].first[i] - wide.results[k].first[i], 2);
            size += std::pow(wide.results[k].first[i], 2);
        }
        char which[200];
        std::snprintf(which, sizeof which, "%s result %zu", what, k);
        expect(std::sqrt(error / size) < most, which, std::sqrt(error / size));
    }
}

void check_lstm2d();  // lstm2d_test.cpp

}  // namespace checks
