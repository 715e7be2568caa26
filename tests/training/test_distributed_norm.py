"""Batch norm over the windows of two processes, against torch's own over all of them."""

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import two_processes as script
from avts.training.distributed import synchronise_batch_norm
from fixtures_processes import Pair


@pytest.mark.filterwarnings("ignore")
def test_result_gradient_and_statistics_are_those_of_all_windows_together(pair: Pair) -> None:
    net, windows = script.rows_and_norm()
    windows.requires_grad_()
    expected = net(windows)
    expected.square().mul(torch.arange(float(expected.shape[-1]))).sum().backward()
    assert windows.grad is not None
    state = net.state_dict()
    still = net.eval()(windows)
    for rank, (first, stop) in enumerate(script.ROWS):
        found = load_file(pair.out / f"norm-{rank}.safetensors")
        torch.testing.assert_close(found["found"], expected[first:stop], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(found["own"], windows.grad[first:stop], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(found["still"], still[first:stop], rtol=1e-5, atol=1e-5)
        for name, parameter in net.named_parameters():
            torch.testing.assert_close(found[f"gradient.{name}"], parameter.grad, rtol=1e-4, atol=1e-3)
        for name, value in state.items():
            torch.testing.assert_close(found[f"state.{name}"], value, rtol=1e-5, atol=1e-6)


def test_names_and_values_of_weights_stay_the_same() -> None:
    net, _ = script.rows_and_norm()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    synchronise_batch_norm(net, torch.device("cpu"))
    assert not [module for module in net.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm3d)]
    assert before.keys() == net.state_dict().keys()
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert {name for name, _ in net.named_parameters()} == {
        "0.weight",
        "0.bias",
        "1.weight",
        "1.bias",
        "4.weight",
        "4.bias",
    }


def test_on_cuda_it_is_torchs_own() -> None:
    net, _ = script.rows_and_norm()
    synchronise_batch_norm(net, torch.device("cuda"))
    assert [type(net[index]) for index in (1, 4)] == [nn.SyncBatchNorm] * 2
