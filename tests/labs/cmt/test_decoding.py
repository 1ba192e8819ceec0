"""From queries to boxes, and two lists of boxes to one."""

import torch

from workbench.labs.cmt.method.boxes import encode
from workbench.labs.cmt.method.decoding import Detections, detections, late_fusion
from workbench.labs.cmt.method.model import Found


def boxes(*centers):
    return torch.tensor([[*c, 4.0, 2.0, 1.5, 0.3, 0.0, 0.0] for c in centers])


def listed(centers, scores, labels):
    n = len(scores)
    return Detections(
        boxes(*centers) if n else torch.zeros(0, 9),
        torch.tensor(scores),
        torch.tensor(labels, dtype=torch.long),
        torch.arange(n),
    )


def test_the_surest_answers_of_the_last_layer_come_first_and_far_ones_not_at_all():
    there = boxes((1, 2, 0), (70, 0, 0), (5, 5, -11), (1, 2, 0))
    logits = torch.full((2, 1, 4, 2), -9.0)
    logits[1, 0] = torch.tensor([[0.0, 2.0], [3.0, -9.0], [3.0, -9.0], [1.0, -9.0]])
    logits[0] = 5  # of an earlier layer: not read
    (found,) = detections(Found(logits, encode(there).expand(2, 1, -1, -1)), most=5)
    assert found.queries.tolist() == [0, 3, 0]  # both classes of query 0; 1 and 2 are too far; no NMS of 0 and 3
    assert found.labels.tolist() == [1, 0, 0]
    torch.testing.assert_close(found.scores, torch.tensor([2.0, 1.0, 0.0]).sigmoid())
    torch.testing.assert_close(found.boxes, boxes(*[(1, 2, 0)] * 3))


def test_late_fusion_joins_what_is_near_and_of_one_class():
    first = listed([(0, 0, 0), (10, 0, 0), (20, 0, 0)], [0.5, 0.6, 0.7], [0, 0, 1])
    second = listed([(0.5, 0, 0), (13, 0, 0), (20, 0, 0)], [0.8, 0.4, 0.3], [0, 0, 0])
    found = late_fusion(first, second, radius=2)
    torch.testing.assert_close(found.scores, torch.tensor([0.9, 0.7, 0.6, 0.4, 0.3]))  # 1 - 0.5 x 0.2 = 0.9
    torch.testing.assert_close(found.boxes[:, 0], torch.tensor([0.5, 20.0, 10.0, 13.0, 20.0]))  # the surer one's box
    assert found.labels.tolist() == [0, 1, 0, 0, 0]


def test_late_fusion_uses_each_box_once_and_prefers_sure_pairs():
    """A weak stray box right at the place does not take the partner of the sure one."""
    first = listed([(0, 0, 0)], [0.9], [0])
    second = listed([(0, 0, 0), (1, 0, 0)], [0.1, 0.9], [0, 0])
    torch.testing.assert_close(late_fusion(first, second).scores, torch.tensor([0.99, 0.1]))


def test_late_fusion_with_an_empty_list_changes_nothing():
    some, none = listed([(0, 0, 0), (3, 0, 0)], [0.9, 0.2], [0, 1]), listed([], [], [])
    for found in (late_fusion(some, none), late_fusion(none, some)):
        assert torch.equal(found.boxes, some.boxes) and torch.equal(found.scores, some.scores)
