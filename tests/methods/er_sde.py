"""ER-SDE."""

from hypothesis import strategies as st
from reference.sampler_er_sde import er_sde

from methods.method import NUMBER, Method, small

METHODS = [
    Method(
        "er_sde",
        er_sde,
        options=(
            {},
            {"max_stage": 2, "noise_scaling": "reverse_time", "eta": 0.6, "s_noise": 1.1},
            {"noise_scaling": "ode"},
            {"integrals": "riemann"},
        ),
        random=st.fixed_dictionaries(
            {},
            optional={
                "max_stage": st.integers(1, 3),
                "noise_scaling": st.sampled_from(["er_sde", "reverse_time", "ode"]),
                "eta": small,
                "s_noise": small,
                "integrals": st.sampled_from(["exact", "riemann"]),
            },
        ),
        ode=({"noise_scaling": "ode"}, {"noise_scaling": "ode", "max_stage": 2}, {"eta": 0.0}),
        orders=(({"noise_scaling": "ode", "max_stage": 1}, 1),),
        weak=({}, {"max_stage": 2}, {"noise_scaling": "reverse_time"}, {"eta": 0.5}),
        other_weak_orders=(({"max_stage": 1}, 1),),
        limits=(
            ({"noise_scaling": "ode", "max_stage": 1}, "euler", {}),
            ({"eta": 0.0}, "er_sde", {"noise_scaling": "ode"}),
            ({"noise_scaling": "reverse_time", "eta": 0.0}, "er_sde", {"noise_scaling": "ode"}),
        ),
        bad=(
            ({"max_stage": 0}, "max_stage is 0; expected 1, 2 or 3"),
            ({"max_stage": 4}, "max_stage is 4; expected 1, 2 or 3"),
            ({"max_stage": 2.0}, "max_stage is 2.0; expected a whole number"),
            ({"max_stage": 10**30}, f"max_stage is {10**30}; expected at most 100000"),
            ({"eta": -0.1}, f"eta is -0.1; {NUMBER}"),
            ({"s_noise": -0.1}, f"s_noise is -0.1; {NUMBER}"),
            (
                {"noise_scaling": "vp"},
                'noise_scaling is "vp"; expected one of er_sde, reverse_time, ode',
            ),
            ({"integrals": "simpson"}, 'integrals is "simpson"; expected one of exact, riemann'),
        ),
    ),
]

PEER_NAMES: dict[str, tuple[str, dict[str, object]]] = {"er_sde": ("er_sde", {"integrals": "riemann"})}
