"""DEIS."""

from hypothesis import strategies as st
from reference import sampler_deis as slow

from methods.method import Method

METHODS = [
    Method(
        "deis",
        slow.deis,
        options=({}, {"max_order": 4}, {"mode": "logrho"}, {"mode": "rhoab"}, {"form": "comfyui"}),
        random=st.one_of(
            st.fixed_dictionaries({"form": st.just("comfyui")}, optional={"max_order": st.integers(1, 3)}),
            st.fixed_dictionaries(
                {}, optional={"max_order": st.integers(1, 4), "mode": st.sampled_from(["tab", "rhoab", "logrho"])}
            ),
        ),
        ratios=(0.5, 0.9),
        ode=({}, {"max_order": 2}, {"mode": "rhoab"}, {"mode": "logrho", "max_order": 2}),
        orders=(({"max_order": 1}, 1.0), ({"max_order": 1, "mode": "logrho"}, 1.0)),
        limits=(
            ({"max_order": 1}, "euler", {}),
            ({"max_order": 1, "form": "comfyui"}, "euler", {}),
            ({"mode": "rhoab"}, "lms", {"order": 3}),
            ({"mode": "rhoab", "form": "comfyui"}, "lms", {"order": 3}),
        ),
        bad=(
            ({"max_order": 0}, "max_order is 0; expected a whole number of at least 1"),
            ({"mode": "rho"}, 'mode is "rho"; expected one of tab, rhoab, logrho'),
            ({"form": "sum"}, 'form is "sum"; expected one of exact, comfyui'),
            (
                {"mode": "logrho", "form": "comfyui"},
                'form is "comfyui" and mode is "logrho"; ComfyUI has modes tab and rhoab',
            ),
        ),
    )
]

PEER_NAMES = {"deis": ("deis", {"form": "comfyui"})}
