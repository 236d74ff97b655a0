"""Faults that a bad fix could leave in clean/adam_and_scheduler.pth: what the judge must not overlook."""
from collections import OrderedDict

import torch


def weight(root):
    return root["model"]["conv1.weight"]


def set_weight(root, tensor):
    root["model"]["conv1.weight"] = tensor
    return root


def one_bit(root):
    weight(root).view(torch.int32)[0, 0, 0, 0] ^= 1
    return root


def unused_byte(root):
    """A byte of the storage that no tensor shows."""
    padded = torch.cat([weight(root).flatten(), torch.ones(1)])
    return set_weight(root, padded[:-1].view(weight(root).shape))


def lost_sharing(root):
    moments = next(iter(root["optimizer"]["state"].values()))
    moments["exp_avg"] = moments["exp_avg_sq"]
    return root


def lost_metadata(root):
    root["model"] = OrderedDict(root["model"])
    return root


def other_metadata(root):
    root["model"]._metadata["bn1"] = {"version": 1}
    return root


def other_order(root):
    root["model"].move_to_end("conv1.weight")
    return root


def other_scalar(root):
    root["optimizer"]["param_groups"][0]["lr"] = 0.5
    return root


def int_for_bool(root):
    root["optimizer"]["param_groups"][0]["amsgrad"] = 0
    return root


FAULTS = {
    "one bit of a weight": one_bit,
    "a byte that no tensor shows": unused_byte,
    "another dtype": lambda root: set_weight(root, weight(root).double()),
    "another shape": lambda root: set_weight(root, weight(root).flatten()),
    "another stride": lambda root: set_weight(root, weight(root).contiguous(memory_format=torch.channels_last)),
    "requires_grad": lambda root: set_weight(root, weight(root).requires_grad_()),
    "a Parameter for a tensor": lambda root: set_weight(root, torch.nn.Parameter(weight(root), False)),
    "two tensors on one storage": lost_sharing,
    "_metadata lost": lost_metadata,
    "_metadata with another version": other_metadata,
    "keys in another order": other_order,
    "another learning rate": other_scalar,
    "0 for False": int_for_bool,
    "a key lost": lambda root: (root["model"].pop("fc.bias"), root)[1],
    "the scheduler lost": lambda root: {key: value for key, value in root.items() if key != "scheduler"},
}
