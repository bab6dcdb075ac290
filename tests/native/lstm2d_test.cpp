// The 2-D LSTM: float against double on each shape, and the number of threads changes nothing.
#include "abi.h"
#include "tensors.h"

namespace checks {
namespace {

struct MapShape {
    int64_t B, H, W, R, N;
    bool up;
};

template <class S>
struct Case2d : Tensors<S> {
    using Tensors<S>::input, Tensors<S>::result;
    Lstm2dCall call{};
    std::unique_ptr<char[]> history;

    Case2d(const MapShape &s, int threads) {
        const int64_t cells = s.B * s.H * s.W * s.R, taps = s.R * 4 * s.N * s.N;
        call.maps = s.B, call.height = s.H, call.width = s.W, call.directions = s.R, call.units = s.N;
        call.is_double = sizeof(S) == 8, call.threads = threads;
        call.p = input(cells * 4 * s.N, 1), call.left = input(taps, 0.3), call.up = s.up ? input(taps, 0.3) : nullptr;
        call.h = result(cells * s.N);
        expect(lstm2d_forward(&call) == 0, "forward without a history");
        call.h = result(cells * s.N);
        history.reset(new char[lstm2d_history_bytes(&call)]);
        call.history = history.get();
        expect(lstm2d_forward(&call) == 0, "forward");
        call.g_h = input(cells * s.N, 1), call.g_p = result(cells * 4 * s.N);
        call.g_left = result(taps), call.g_up = s.up ? result(taps) : nullptr;
        call.p = nullptr;
        expect(lstm2d_backward(&call) == 0, "backward");
        const void *with_weights = call.g_p;
        call.g_left = call.g_up = nullptr, call.g_p = result(cells * 4 * s.N);
        expect(lstm2d_backward(&call) == 0, "backward to the input alone");
        expect(std::memcmp(with_weights, call.g_p, cells * 4 * s.N * sizeof(S)) == 0, "the same without the weights'");
    }
};

}  // namespace

void check_lstm2d() {
    const int64_t sizes[][3] = {{1, 1, 1}, {3, 1, 9}, {2, 9, 1}, {5, 7, 5}, {1, 4, 11}, {30, 3, 2}};
    for (const auto &z : sizes)
        for (const int64_t directions : {1, 2, 4})
            for (const int64_t units : {1, 3, 8, 17}) {
                const MapShape shape{z[0], z[1], z[2], directions, units, true};
                char what[160];
                std::snprintf(what, sizeof what, "%s lstm2d B %ld H %ld W %ld R %ld N %ld", selected_isa(), long(z[0]),
                              long(z[1]), long(z[2]), long(directions), long(units));
                expect_near(Case2d<float>(shape, 1), Case2d<double>(shape, 1), what);
                if (z[1] > 1) continue;
                const MapShape row{z[0], z[1], z[2], directions, units, false};
                expect_near(Case2d<float>(row, 1), Case2d<double>(row, 1), what);
            }
    const MapShape parallel{40, 9, 10, 2, 24, true};
    expect(same(Case2d<float>(parallel, 1), Case2d<float>(parallel, 3)), "the number of threads changes nothing");
}

}  // namespace checks
