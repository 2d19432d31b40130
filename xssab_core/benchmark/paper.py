"""The paper's own numbers (Tables 1, 2 and 3), to be shown beside measured ones."""

from __future__ import annotations

# Model id -> the paper's name of it.
MODELS = {
    "elasticface-arc": "ElasticFace-Arc",
    "elasticface-cos": "ElasticFace-Cos",
    "curricularface": "CurricularFace",
    "arcface": "ArcFace",
}

# Model -> EER on LFW, FMR and FNMR on Patch-LFW at that threshold.
TABLE_1 = {
    "ElasticFace-Arc": (0.003, 0.434, 0.649),
    "ElasticFace-Cos": (0.002, 0.639, 0.475),
    "CurricularFace": (0.005, 0.643, 0.444),
    "ArcFace": (0.005, 0.660, 0.606),
}

# Model -> method id -> area under the DPR curve of FMR and of FNMR, on the paper's scale.
TABLE_2: dict[str, dict[str, tuple[float, float]]] = {
    "ElasticFace-Arc": {
        "xface1": (1.76, 5.12),
        "xface2": (1.67, 5.06),
        "xface3": (1.63, 4.81),
        "xssab": (2.57, 8.04),
        "random": (4.06, 11.99),
    },
    "ElasticFace-Cos": {
        "xface1": (2.96, 2.96),
        "xface2": (2.88, 2.94),
        "xface3": (2.92, 2.87),
        "xssab": (5.26, 5.34),
        "random": (8.203, 7.37),
    },
    "CurricularFace": {
        "xface1": (3.49, 2.84),
        "xface2": (3.51, 2.85),
        "xface3": (3.62, 2.80),
        "xssab": (5.85, 4.74),
        "random": (9.25, 6.73),
    },
    "ArcFace": {
        "xface1": (4.61, 7.25),
        "xface2": (4.58, 7.83),
        "xface3": (6.86, 5.31),
        "xcos-w": (9.27, 11.60),
        "xcos-s": (15.28, 18.74),
        "xssab": (8.34, 12.64),
        "random": (12.96, 17.01),
    },
}

# Method id -> mean seconds per map on the authors' machine (Quadro P4000).
TABLE_3 = {"xface1": 12.49, "xface2": 12.53, "xface3": 12.38, "xcos-s": 0.11, "xcos-w": 0.11, "xssab": 0.24}


def gains(model: str, method: str) -> tuple[float, float]:
    """Gain over RND of FMR and FNMR, 1 - AUC / AUC_RND, which does not depend on the scale of the areas.

    Raises:
        KeyError: the paper has no such model or method.
    """
    own, random = TABLE_2[model][method], TABLE_2[model]["random"]
    return 1 - own[0] / random[0], 1 - own[1] / random[1]
