import pytest
import torch

from attentive_rnn.data import AlignView, RandomRotation, UnitBodySize, get_layout, list_layouts
from attentive_rnn.errors import ConfigError
from data.transforms.skeletons import BODIES, RNG, absent, joint, people


@pytest.mark.parametrize("layout", BODIES)
def test_alignment_puts_the_trunk_on_z_and_the_shoulders_across_x(layout):
    x = people(layout=layout)
    y = AlignView(layout)(x, RNG)
    left, right, left_hip, right_hip = (
        y[1, 0, joint(layout, f"{side} {part}")] for part in ("shoulder", "hip") for side in ("left", "right")
    )
    trunk = (left + right - left_hip - right_hip) / 2
    torch.testing.assert_close(trunk[:2], torch.zeros(2), atol=1e-5, rtol=0)
    assert trunk[2] > 0
    assert abs((left - right)[1]) < 1e-5 < (left - right)[0]
    assert torch.equal(absent(y), absent(x))


def test_alignment_is_one_rotation_that_undoes_any_other():
    x = people()
    y = AlignView("kinect-20")(x, RNG)
    torch.testing.assert_close(y.norm(dim=-1), x.norm(dim=-1))
    turned = RandomRotation(180.0)(x, RNG)
    torch.testing.assert_close(AlignView("kinect-20")(turned, RNG), y, atol=1e-4, rtol=1e-4)
    back = y.flatten(0, 2)
    rotation = torch.linalg.lstsq(x.flatten(0, 2), back).solution
    torch.testing.assert_close(torch.linalg.det(rotation), torch.tensor(1.0), atol=1e-4, rtol=0)


def test_a_body_without_directions_is_left_as_it_is():
    for x in (torch.zeros(3, 1, 20, 3), torch.ones(3, 1, 20, 3)):
        assert torch.equal(AlignView("kinect-20")(x, RNG), x)
        assert torch.equal(UnitBodySize("kinect-20")(x, RNG), x)


@pytest.mark.parametrize("layout", list_layouts())
def test_bones_of_a_scaled_body_have_a_mean_length_of_one(layout):
    x = people(layout=layout, coordinates=2)
    x[1:, 0] = x[1, 0]
    y = UnitBodySize(layout)(x, RNG)
    bones = torch.tensor(get_layout(layout).bones)
    torch.testing.assert_close((y[1, 0, bones[:, 1]] - y[1, 0, bones[:, 0]]).norm(dim=-1).mean(), torch.tensor(1.0))
    torch.testing.assert_close(y[1, 1] / x[1, 1], y[1, 0] / x[1, 0])
    assert torch.equal(absent(y), absent(x))


def test_what_has_no_body_is_refused():
    with pytest.raises(ConfigError, match="layout hand-21 has no joint 'left shoulder'"):
        AlignView("hand-21")
    for transform in (AlignView("kinect-20"), UnitBodySize("kinect-20")):
        with pytest.raises(ConfigError, match=f"{transform.name}: needs skeletons"):
            transform(torch.ones(4, 60), RNG)
        with pytest.raises(ConfigError, match="with V >= "):
            transform(torch.ones(4, 1, 5, 3), RNG)
    with pytest.raises(ConfigError, match=r"needs skeletons \(T, M, V, 3\)"):
        AlignView("kinect-20")(torch.ones(4, 1, 20, 2), RNG)
