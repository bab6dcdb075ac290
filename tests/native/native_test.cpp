// The kernels without Python, to be built with sanitizers: every tensor is a block of exactly its size, so that reading
// or writing past one is found. float is checked against double, each instruction set and number of threads too.
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "abi.h"
#include "tensors.h"

using namespace checks;

namespace {

struct Shape {
    int64_t cell, gate, T, B, D, N;
    bool lengths, reverse, zoneout;
    int64_t lags = 0, first_lag = 0;
    bool reads_state = false;  // the gate, alone
    int64_t rank = 0;          // of the gate
    bool short_products = false;
};

// A call and all its tensors, filled with the same numbers in float and in double.
template <class S>
struct Case : Tensors<S> {
    using Tensors<S>::input, Tensors<S>::result;
    RecurrenceCall call{};
    std::vector<int64_t> lengths;
    std::unique_ptr<char[]> history;

    Case(const Shape &s, int threads) {
        const int64_t T = s.T, B = s.B, D = s.D, N = s.N, states = s.cell == LSTM ? 2 : 1;
        const int64_t G = s.cell == LSTM ? 4 : s.cell >= GRU ? 3 : 1;
        call.cell = s.cell, call.gate = s.gate, call.gate_scale = 1.5;
        call.steps = T, call.rows = B, call.inputs = D, call.units = N;
        call.is_double = sizeof(S) == 8, call.reverse = s.reverse, call.threads = threads;
        call.short_products = s.short_products;
        call.x = input(T * B * D, 1), call.x_step = B * D, call.x_row = D;
        call.h = input(B * N, 1), call.c = states > 1 ? input(B * N, 1) : nullptr;
        call.ih = input(G * N * D, 0.3), call.hh = input(G * N * N, 0.3), call.b_ih = input(G * N, 0.3);
        if (s.cell == GRU_RESET_AFTER) call.b_hh = input(G * N, 0.3);
        const int64_t window = s.lags ? s.lags + s.first_lag - 1 : 0;
        call.lags = s.lags, call.first_lag = s.first_lag;
        if (s.lags) call.window = input(B * window * N, 1), call.lag = input(s.lags, 0.5);
        const double steep = s.gate == GATE_HARD ? 3 : 0.3;  // so that some are closed and some open altogether
        const int64_t U = s.rank ? s.rank : D;
        call.gate_rank = s.rank;
        if (s.gate && !s.reads_state) call.ia = input(U * D, steep);
        if (s.gate) call.ha = input(U * N, steep), call.b_a = input(D, steep);
        if (s.rank) call.ua = input(D * U, steep);
        std::mt19937 draw(3);
        if (s.lengths) {
            for (int64_t b = 0; b < B; b++) lengths.push_back(1 + draw() % T);
            lengths.shrink_to_fit();
            call.lengths = lengths.data();
        }
        if (s.zoneout) call.zoneout = input(states * T * B * N, 0.5);
        call.output = result(T * B * N), call.h_last = result(B * N);
        if (states > 1) call.c_last = result(B * N);
        if (s.lags) call.window_last = result(B * window * N);
        if (s.gate) call.attention = result(T * B * D);
        history.reset(new char[recurrence_history_bytes(&call)]);
        call.history = history.get();
        expect(recurrence_forward(&call) == 0, "forward");

        call.g_output = input(T * B * N, 1), call.g_output_step = B * N, call.g_output_row = N;
        call.g_h_last = input(B * N, 1), call.g_c_last = states > 1 ? input(B * N, 1) : nullptr;
        if (s.gate) call.g_attention = input(T * B * D, 1);
        call.g_x = result(T * B * D), call.g_h = result(B * N), call.g_c = states > 1 ? result(B * N) : nullptr;
        call.g_ih = result(G * N * D), call.g_hh = result(G * N * N), call.g_b_ih = result(G * N);
        if (s.cell == GRU_RESET_AFTER) call.g_b_hh = result(G * N);
        if (call.ia) call.g_ia = result(U * D);
        if (s.gate) call.g_ha = result(U * N), call.g_b_a = result(D);
        if (s.rank) call.g_ua = result(D * U);
        if (s.lags) {
            call.g_window_last = input(B * window * N, 1);
            call.g_window = result(B * window * N), call.g_lag = result(s.lags);
        }
        expect(recurrence_backward(&call) == 0, "backward");
    }
};

void check_shape(const Shape &s) {
    const Case<float> narrow(s, 1);
    const Case<double> wide(s, 1);
    char what[160];
    std::snprintf(what, sizeof what, "%s cell %ld gate %ld T %ld B %ld D %ld N %ld lengths %d reverse %d zoneout %d lags %ld "
                  "rank %ld short %d",
                  selected_isa(), long(s.cell), long(s.gate), long(s.T), long(s.B), long(s.D), long(s.N), s.lengths,
                  s.reverse, s.zoneout, long(s.lags), long(s.rank), s.short_products);
    expect_near(narrow, wide, what, s.short_products ? 0.15 : 2e-4);
}

void check_math() {
    std::vector<float> x;
    for (float v = 1e-7f; v < 80; v *= 1.01f) x.push_back(v), x.push_back(-v);
    std::vector<float> e(x.size()), s(x.size()), t(x.size());
    test_vector_math(x.data(), e.data(), s.data(), t.data(), int64_t(x.size()));
    double worst[3] = {};
    for (size_t i = 0; i < x.size(); i++) {
        const double v = x[i], exact[3] = {std::exp(v), 1 / (1 + std::exp(-v)), std::tanh(v)};
        const float found[3] = {e[i], s[i], t[i]};
        for (int k = 0; k < 3; k++) worst[k] = std::fmax(worst[k], std::fabs(found[k] / exact[k] - 1));
    }
    std::printf("%s: worst relative error of exp %.1e, sigmoid %.1e, tanh %.1e\n", selected_isa(), worst[0], worst[1],
                worst[2]);
    for (double error : worst) expect(error < 5e-7, "vector math", error);
    const float nan = NAN;
    float a, b, c;
    test_vector_math(&nan, &a, &b, &c, 1);
    expect(std::isnan(a) && std::isnan(b) && std::isnan(c), "NaN stays NaN");
    std::vector<float> far{INFINITY, 3e38f, 1e30f};
    for (float v = 8.75f; v < 1e4f; v *= 1.003f) far.push_back(v);
    for (float v : far) {
        float sign = 1;
        for (float w : {v, -v}) {
            test_vector_math(&w, &a, &b, &c, 1);
            expect(c == sign, "tanh saturates", w);
            if (v > 17.4f && sign > 0) expect(b == 1, "sigmoid saturates", w);
            if (v > 88 && sign < 0) expect(a == 0 && b == 0, "exp and sigmoid end at zero", w);
            sign = -1;
        }
    }
    for (float v = 7.5f; v < 8.75f; v = std::nextafter(v, 9.0f)) {
        test_vector_math(&v, &a, &b, &c, 1);
        expect(c <= 1, "tanh is at most 1", v);
    }
}

void check_isa() {
    check_math();
    check_lstm2d();
    const int64_t sizes[][4] = {{1, 1, 1, 1},   {3, 5, 7, 3},   {2, 17, 16, 15},
                                {5, 33, 3, 17}, {4, 70, 33, 9}, {1, 3, 100, 3}};
    for (int64_t cell = RNN_TANH; cell <= GRU_RESET_AFTER; cell++)
        for (int64_t gate = GATE_NONE; gate <= GATE_HARD; gate++)
            for (const auto &z : sizes)
                for (int flags = 0; flags < 8; flags += 7 - 3 * (z[1] > 20))
                    check_shape(
                        {cell, gate, z[0], z[1], z[2], z[3], (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0});
    for (int64_t cell = RNN_TANH; cell <= GRU_RESET_AFTER; cell++)
        for (const auto &z : sizes)
            for (int64_t gate : {GATE_SIGMOID, GATE_SOFTMAX, GATE_HARD})
                for (int64_t rank : {0, 1, 5, 16})
                    check_shape({cell, gate, z[0], z[1], z[2], z[3], z[1] > 10, z[1] > 20, false, 0, 0, rank % 2 == 0, rank});
    for (int64_t cell = RNN_TANH; cell <= GRU_RESET_AFTER; cell++)
        for (const auto &z : sizes)
            for (int64_t lags : {1, 3, 20}) {
                const int64_t gate = lags == 3 ? GATE_SIGMOID : GATE_NONE, first_lag = 1 + z[1] % 2;
                check_shape({cell, gate, z[0], z[1], z[2], z[3], lags > 1, first_lag > 1, lags > 3, lags, first_lag});
            }
    for (int64_t cell = RNN_TANH; cell <= GRU_RESET_AFTER; cell++)
        for (const auto &z : sizes) {
            const bool many = z[1] > 10;
            check_shape({cell, GATE_SIGMOID, z[0], z[1], z[2], z[3], many, !many, many, 0, 0, false, many ? 5 : 0, true});
            check_shape({cell, GATE_NONE, z[0], z[1], z[2], z[3], false, many, false, 3, 1, false, 0, true});
        }
    check_shape({GRU, GATE_SIGMOID, 3, 100, 310, 290, true, false, false, 0, 0, false, 0, true});
    const Shape large = {GRU, GATE_SIGMOID, 4, 30, 310, 290, true, false, false};  // weights that outgrow the caches
    check_shape(large);
    expect(same(Case<float>(large, 1), Case<float>(large, 3)), "nor do threads that share each product");
    Shape low_rank = large;
    low_rank.rank = 70;
    check_shape(low_rank);
    expect(same(Case<float>(low_rank, 1), Case<float>(low_rank, 3)), "nor with a low-rank gate");
    const Shape parallel = {LSTM, GATE_SIGMOID, 12, 200, 24, 40, true, false, false};
    const Case<float> alone(parallel, 1);
    expect(same(alone, Case<float>(parallel, 3)), "the number of threads changes nothing");
    Shape lagged = parallel;
    lagged.lags = 5, lagged.first_lag = 1;
    expect(same(Case<float>(lagged, 1), Case<float>(lagged, 3)), "nor with lags");
    std::vector<std::thread> callers;
    for (int i = 0; i < 3; i++)
        callers.emplace_back([&] { expect(same(alone, Case<float>(parallel, 2)), "several callers at once"); });
    for (auto &caller : callers) caller.join();
    if (const pid_t child = fork()) {
        int status = 1;
        waitpid(child, &status, 0);
        expect(status == 0, "a forked child");
    } else {
        _exit(same(alone, Case<float>(parallel, 2)) ? 0 : 1);
    }
}

}  // namespace

int main() {
    for (const char *isa : {"generic", "avx2", "avx512"})
        if (select_isa(isa) == 0) check_isa();
    std::printf(failures ? "%d failures\n" : "all native checks passed\n", failures);
    return failures != 0;
}
