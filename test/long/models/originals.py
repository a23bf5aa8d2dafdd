"""The original libraries: writes small models with random weights, and says what models give.

    python originals.py write FIXTURES OUT       folders siglip, siglip2 (transformers) and open_clip; prints versions as JSON
    python originals.py answer REQUESTS ANSWERS  answers a list of requests, both JSON

A request has library ("transformers" or "open_clip") and folder, and either images and texts, files and words that the library
prepares itself, or inputs, a safetensors file with pixels [B, 3, H, W] and ids [B, L]. The answer has ids, logits [images, texts] and,
with images, pixels [B, 3, H, W].

Needs torch, transformers, open_clip_torch, timm, torchvision, sentencepiece, ftfy, pillow < 13.
"""
import json
import os
import shutil
import sys

import torch
import torch.nn.functional as F
from PIL import Image

SIZE = dict(width=32, depth=2, mlp=80, heads=4, side=32, patch=8, length=16)


def allow_torchvision():
    """Lets a torchvision built for another torch import; its compiled operators are not used."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for op in ("nms", "qnms"):
        try:
            library.define(op + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        except RuntimeError:
            pass
    return library


def randomize(model, seed):
    """Random values for every parameter, none at a symmetric initial value."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=g)
            if name == "logit_scale":
                p.copy_(torch.tensor(2.0).reshape(p.shape))
            elif name == "logit_bias":
                p.copy_(torch.tensor(-3.0).reshape(p.shape))
            elif p.ndim < 2:
                p.copy_(0.1 * noise + (1 if name.endswith("weight") else 0))  # norms and biases
            elif "embed" in name and "patch" not in name:
                p.copy_(0.5 * noise)
            else:
                p.copy_(noise * (p.numel() / p.shape[0]) ** -0.5)  # 1/sqrt(fan in)
    return model.eval()


def siglip(vocab_size, seed):
    from transformers import SiglipConfig, SiglipModel
    size = dict(hidden_size=SIZE["width"], num_hidden_layers=SIZE["depth"], intermediate_size=SIZE["mlp"], num_attention_heads=SIZE["heads"])
    text = dict(size, vocab_size=vocab_size, max_position_embeddings=SIZE["length"], projection_size=SIZE["width"])
    vision = dict(size, image_size=SIZE["side"], patch_size=SIZE["patch"])
    return randomize(SiglipModel(SiglipConfig(text_config=text, vision_config=vision)), seed)


def write_transformers(fixtures, out):
    from transformers import AutoTokenizer, SiglipImageProcessorPil, SiglipTokenizer
    size = {"height": SIZE["side"], "width": SIZE["side"]}
    first = SiglipTokenizer(os.path.join(fixtures, "tiny", "spiece.model"), model_max_length=SIZE["length"], model_input_names=["input_ids"])
    second = AutoTokenizer.from_pretrained(os.path.join(fixtures, "siglip2"))
    for name, tokenizer, resample, seed in (("siglip", first, 3, 1), ("siglip2", second, 2, 2)):
        folder = os.path.join(out, name)
        siglip(len(tokenizer), seed).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        SiglipImageProcessorPil(size=size, resample=resample).save_pretrained(folder)


def t5_tokenizer(spiece):
    """T5's, as of open_clip's SigLIP models: unigram, an end after every text, filled with ends."""
    import sentencepiece
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast
    sp = sentencepiece.SentencePieceProcessor(model_file=spiece)
    pieces = [(sp.id_to_piece(i), sp.get_score(i)) for i in range(sp.get_piece_size())]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=sp.unk_id(), byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="</s>", eos_token="</s>", unk_token="<unk>")


def write_open_clip(fixtures, out):
    import open_clip
    from safetensors.torch import save_file
    folder = os.path.join(out, "open_clip")
    tokenizer = t5_tokenizer(os.path.join(fixtures, "tiny", "spiece.model"))
    tokenizer.save_pretrained(folder)
    s = SIZE
    model = dict(
        embed_dim=s["width"], init_logit_bias=-10, custom_text=True,
        vision_cfg=dict(
            image_size=s["side"], timm_model_name="vit_base_patch16_siglip_224", timm_model_pretrained=False, timm_pool="map", timm_proj="none",
            timm_model_kwargs=dict(img_size=s["side"], patch_size=s["patch"], embed_dim=s["width"], depth=s["depth"], num_heads=s["heads"], mlp_ratio=2.5)),
        text_cfg=dict(
            context_length=s["length"], vocab_size=len(tokenizer), hf_tokenizer_name="in this folder", tokenizer_kwargs=dict(clean="canonicalize"),
            width=s["width"], heads=s["heads"], layers=s["depth"], mlp_ratio=2.5, no_causal_mask=True, proj_bias=True, pool_type="last",
            norm_kwargs=dict(eps=1e-6)))
    images = dict(mean=[0.5] * 3, std=[0.5] * 3, interpolation="bicubic", resize_mode="squash")
    with open(os.path.join(folder, "open_clip_config.json"), "w") as f:
        json.dump(dict(model_cfg=model, preprocess_cfg=images), f, indent=2)
    made = open_clip.create_model("local-dir:" + for_open_clip(folder), load_weights=False)
    state = {k: v.contiguous() for k, v in randomize(made, 3).state_dict().items()}
    save_file(state, os.path.join(folder, "open_clip_model.safetensors"), metadata={"format": "pt"})


def open_images(files):
    from PIL import ImageOps
    return [ImageOps.exif_transpose(Image.open(file)).convert("RGB") for file in files]


def answer_transformers(folder, images, texts, inputs):
    from transformers import AutoTokenizer, SiglipImageProcessorPil, SiglipModel
    model = SiglipModel.from_pretrained(folder).eval()
    if inputs is None:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        ids = tokenizer(texts, padding="max_length", truncation=True, max_length=SIZE["length"], return_tensors="pt")["input_ids"]
        pixels = SiglipImageProcessorPil.from_pretrained(folder)(images=open_images(images), return_tensors="pt")["pixel_values"]
    else:
        ids, pixels = inputs
    return ids, pixels, model(input_ids=ids, pixel_values=pixels).logits_per_image


def for_open_clip(folder):
    """The folder as open_clip 3.3.0 reads it: the arguments of an image tower, which only later versions read, become a model of timm's."""
    from timm.models import model_entrypoint, register_model
    with open(os.path.join(folder, "open_clip_config.json")) as f:
        config = json.load(f)
    vision = config["model_cfg"]["vision_cfg"]
    if "timm_model_kwargs" not in vision:
        return folder
    base, arguments = model_entrypoint(vision["timm_model_name"]), vision.pop("timm_model_kwargs")

    def tower(pretrained=False, **more):
        return base(pretrained=pretrained, **{**arguments, **more})

    copy = folder + "-3.3.0"
    tower.__name__ = vision["timm_model_name"] = "vit_" + "".join(c for c in os.path.basename(folder) if c.isalnum())
    register_model(tower)
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    with open(os.path.join(copy, "open_clip_config.json"), "w") as f:
        json.dump(config, f)
    return copy


def answer_open_clip(folder, images, texts, inputs):
    import open_clip
    name = "local-dir:" + for_open_clip(folder)
    model, prepare = open_clip.create_model_from_pretrained(name)
    model.eval()
    if inputs is None:
        ids = open_clip.get_tokenizer(name)(texts)
        pixels = torch.stack([prepare(image) for image in open_images(images)])
    else:
        ids, pixels = inputs
    x, y = (F.normalize(z, dim=-1) for z in (model.encode_image(pixels), model.encode_text(ids)))
    return ids, pixels, model.logit_scale.exp() * x @ y.T + model.logit_bias


def answer(request):
    from safetensors.torch import load_file
    library = answer_transformers if request["library"] == "transformers" else answer_open_clip
    inputs = None
    if "inputs" in request:
        tensors = load_file(request["inputs"])
        inputs = tensors["ids"].long(), tensors["pixels"]
    with torch.inference_mode():
        ids, pixels, logits = library(request["folder"], request.get("images"), request.get("texts"), inputs)
    return {"ids": ids.tolist(), "logits": logits.tolist(), "pixels": [] if inputs else pixels.tolist()}


def main():
    torch.set_num_threads(1)
    keep = allow_torchvision()
    import open_clip
    import PIL
    import timm
    import transformers
    what, source, target = sys.argv[1:]
    if what == "write":
        write_transformers(source, target)
        write_open_clip(source, target)
        versions = {each.__name__: each.__version__ for each in (torch, transformers, open_clip, timm, PIL)}
        print(json.dumps(versions))
    else:
        with open(source) as f:
            requests = json.load(f)
        with open(target, "w") as f:
            json.dump([answer(request) for request in requests], f)
    del keep


if __name__ == "__main__":
    main()
