"""Methods of other papers, for comparison: one file each."""

from xssab_core.explain.base import AnyExplainer
from xssab_core.explain.peers.affine import AffineHead
from xssab_core.explain.peers.cam import CAM
from xssab_core.explain.peers.corrrise import CorrRise
from xssab_core.explain.peers.fggb import FGGB
from xssab_core.explain.peers.integrated import IntegratedGradients
from xssab_core.explain.peers.minplus import MinPlus
from xssab_core.explain.peers.smoothgrad import SmoothGrad

PEERS: tuple[AnyExplainer, ...] = (
    CorrRise(),
    MinPlus(),
    FGGB(),
    CAM("gradcam"),
    CAM("hirescam"),
    AffineHead(),
    IntegratedGradients(),
    SmoothGrad(),
)
