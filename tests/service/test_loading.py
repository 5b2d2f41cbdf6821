"""What fails at the start is tried again, in order, and nothing that worked is done twice."""

from threading import Event

from service.loading import until_all_work


def test_what_fails_is_tried_again_and_what_worked_is_not() -> None:
    done: list[str] = []

    def encoder() -> bool:
        done.append("encoder")
        return done.count("encoder") == 3

    def policy() -> bool:
        done.append("policy")
        return True

    until_all_work([encoder, policy], Event(), rest=0.001)
    assert done == ["encoder", "policy", "encoder", "encoder"]


def test_a_process_that_stops_does_not_wait_for_what_fails() -> None:
    stopping = Event()
    stopping.set()
    until_all_work([lambda: False], stopping)
