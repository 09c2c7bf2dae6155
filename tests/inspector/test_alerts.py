"""When a webhook is alerted: above a threshold or far from usual, once in ten minutes, and again when it is over."""

from collections.abc import Iterator

from webapp.core.webhooks import AlertKind, AlertSettings
from webapp.inspector.alerts import EVERY, Alarm, Alert, Watch

DENIALS, CONNECTIONS, DATABASE = AlertKind.DENIALS, AlertKind.CONNECTIONS, AlertKind.DATABASE
COUNTED = (DENIALS, AlertKind.TOKENS, AlertKind.RATE_LIMITED, AlertKind.SLOW_CLIENTS)


class Story:
    """Time that passes in steps of ten seconds, with so many more denials in each."""

    def __init__(self, settings: AlertSettings) -> None:
        self.settings = settings
        self.watch, self.alarm = Watch(), Alarm()
        self.now, self.denials = 1000.0, 0

    def pass_(self, steps: int, denials: int = 0, connections: int = 0, away: bool = False) -> list[Alert]:
        return list(self._passed(steps, denials, connections, away))

    def _passed(self, steps: int, denials: int, connections: int, away: bool) -> Iterator[Alert]:
        for _ in range(steps):
            self.now += EVERY
            self.denials += denials
            counters = dict.fromkeys(COUNTED, 0) | {DENIALS: self.denials}
            self.watch.look(self.now, counters, connections)
            yield from self.alarm.look(self.settings, self.watch, away, self.now)


def said(alerts: list[Alert]) -> list[tuple[AlertKind, bool]]:
    return [(alert.kind, alert.resolved) for alert in alerts]


def test_above_the_threshold_and_over() -> None:
    story = Story(AlertSettings(denials=100))
    assert story.pass_(30, denials=16) == []  # 96 a minute
    (raised,) = story.pass_(12, denials=20)
    assert (raised.kind, raised.resolved, raised.threshold) == (DENIALS, False, 100)
    assert raised.value > 100
    assert "denials in the last minute, more than 100." in raised.text
    (over,) = story.pass_(12)
    assert over.resolved
    assert over.text.startswith("Back to normal")


def test_what_is_counted_before_the_first_look_is_no_alert() -> None:
    story = Story(AlertSettings(denials=0))
    story.denials = 1_000_000
    assert story.pass_(30) == []
    assert said(story.pass_(1, denials=1)) == [(DENIALS, False)]


def test_at_most_one_in_ten_minutes() -> None:
    story = Story(AlertSettings(connections=10))
    heard = []
    for _ in range(60):  # twenty minutes of up and down
        heard += story.pass_(1, connections=11)
        heard += story.pass_(1, connections=9)
    raised = [alert for alert in heard if not alert.resolved]
    assert len(raised) == 2
    assert len(heard) == 4


def test_what_stays_is_not_told_again() -> None:
    story = Story(AlertSettings(connections=10))
    assert said(story.pass_(200, connections=11)) == [(CONNECTIONS, False)]


def test_what_is_not_watched_is_not_told() -> None:
    story = Story(AlertSettings(tokens=1))
    assert story.pass_(30, denials=1000, connections=1000, away=True) == []


def test_far_from_usual() -> None:
    story = Story(AlertSettings(unusual=True))
    assert story.pass_(60, denials=5) == []  # ten minutes with 30 each
    (alert,) = story.pass_(6, denials=30)
    assert (alert.kind, alert.threshold) == (DENIALS, None)
    assert alert.usual is not None
    assert alert.value > 4 * alert.usual
    assert "far from the usual" in alert.text


def test_few_are_never_far_from_usual_and_neither_is_what_nobody_knows_yet() -> None:
    story = Story(AlertSettings(unusual=True))
    assert story.pass_(6, denials=500, connections=500) == []  # the first minute of a server
    story = Story(AlertSettings(unusual=True))
    assert story.pass_(60) == []
    assert story.pass_(6, denials=3, connections=20) == []
    assert said(story.pass_(6, connections=21)) == [(CONNECTIONS, False)]


def test_the_database_goes_and_comes() -> None:
    story = Story(AlertSettings(database=True))
    assert story.pass_(5) == []
    (gone,) = story.pass_(5, away=True)
    assert gone.text == "The database can't be reached."
    (back,) = story.pass_(5)
    assert (back.kind, back.text) == (DATABASE, "The database is back.")


def test_each_webhook_has_its_own() -> None:
    story = Story(AlertSettings(connections=10))
    other = Alarm()
    assert said(story.pass_(3, connections=11)) == [(CONNECTIONS, False)]
    assert said(list(other.look(AlertSettings(connections=5), story.watch, False, story.now))) == [(CONNECTIONS, False)]
    assert list(other.look(AlertSettings(connections=5), story.watch, False, story.now)) == []
