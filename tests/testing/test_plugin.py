"""The plugin in a user's project: its fixtures, its marker, the report of a failed test."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

# Here, and not first in a project: pytester forgets the modules that one has imported, and neither
# pandas nor boto3 can be imported twice.
import lambdalab.testing
import lambdalab.trace.trace

BOTO3 = importlib.util.find_spec("boto3") is not None
if BOTO3:
    import lambdalab.aws.connection  # noqa: F401

pytest_plugins = ["pytester"]

needs_boto3 = pytest.mark.skipif(not BOTO3, reason="the extra aws is not installed")
PLUGIN = 'pytest_plugins = ["lambdalab.testing"]\n'
STRICT = ("-p", "no:cacheprovider", "-W", "error", "--strict-markers", "--strict-config")


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder whose conftest names the plugin."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(PLUGIN)
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_inprocess(*STRICT, *options)


# ---- the lab -------------------------------------------------------------------------------------


def test_each_test_has_its_own_lab_with_the_settings_of_the_nearest_marker(
    project: pytest.Pytester,
) -> None:
    project.makepyfile("""
        import datetime, pytest
        pytestmark = pytest.mark.lab(start="2025-06-01", seed=1)
        labs = []

        def test_of_the_module(lab):
            assert (lab.seed, lab.now.month) == (1, 6)
            lab.create_function("f", duration=1)
            labs.append(lab)

        @pytest.mark.lab(quotas={"account_concurrency": 5})
        class TestOfTheClass:
            @pytest.mark.lab(seed=9, rules="latest")
            def test_of_its_own(self, lab):
                assert (lab.seed, lab.now.month) == (9, 6)
                assert lab.rules.account_concurrency == 5
                assert lab.rules.date > datetime.date(2025, 1, 7)
                lab.create_function("f", duration=1)  # in another account

        def test_the_one_before_is_closed():
            import lambdalab as ll
            with pytest.raises(ll.errors.LabClosed if hasattr(ll, "errors") else Exception):
                labs[0].run()
    """)
    run(project).assert_outcomes(passed=3)


def test_without_any_settings_the_seed_is_zero_and_the_project_may_set_others(
    project: pytest.Pytester,
) -> None:
    test = project.makepyfile("def test_it(lab): assert lab.seed == 0")
    run(project).assert_outcomes(passed=1)
    project.makeconftest(
        f"{PLUGIN}import pytest\n"
        '@pytest.fixture\ndef lab_settings(): return {"seed": 3, "rules": "2025-06-01"}\n'
    )
    test.write_text("""
import pytest
def test_it(lab): assert (lab.seed, str(lab.rules.date)) == (3, "2025-06-01")
@pytest.mark.lab(seed=4)
def test_marked(lab): assert (lab.seed, str(lab.rules.date)) == (4, "2025-06-01")
@pytest.mark.parametrize("lab", [5, {"seed": "six", "start": "2025-02-01"}], indirect=True)
def test_parameters(lab): assert lab.seed in (5, "six")
""")
    run(project).assert_outcomes(passed=4)


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("sed=7", "*Lab() has no setting 'sed'; did you mean 'seed'?*"),
        ("7", "*takes its settings by name: seed, start, rules, quotas*"),
        ("seed=1.5", "*InvalidSetting: seed=1.5: must be*"),
    ],
)
def test_a_marker_that_cannot_be(project: pytest.Pytester, marker: str, said: str) -> None:
    project.makepyfile(f"""
        import pytest
        @pytest.mark.lab({marker})
        def test_it(lab): ...
    """)
    done = run(project)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([said])


def test_the_marker_is_known(project: pytest.Pytester) -> None:
    run(project, "--markers").stdout.fnmatch_lines(["@pytest.mark.lab(seed=0, start=*"])


@pytest.mark.no_audit
def test_books_that_do_not_balance_are_an_error_of_the_teardown(project: pytest.Pytester) -> None:
    project.makepyfile("""
        def test_it(lab):
            lab.create_function("f", duration=1)
            lab.invoke("f", {}, invocation_type="Event")
            del lab._books.buffers["queue_events"][:]
            lab._books.changes += 1
    """)
    done = run(project)
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["*AuditError*"])


# ---- the report ----------------------------------------------------------------------------------

FAILS = """
    import pytest
    from lambdalab.testing import assert_no_lost_events

    @pytest.fixture
    def wired(lab):
        lab.create_function("bill", duration=0.1, failure_rate=1, dead_letter_queue="failed")
        return lab

    def test_fails(wired):
        wired.invoke("bill", {}, invocation_type="Event")
        wired.run()
        assert_no_lost_events(wired)

    def test_passes(wired): ...
"""


def test_a_failed_test_tells_of_its_lab(project: pytest.Pytester) -> None:
    project.makepyfile(FAILS)
    done = run(project)
    done.assert_outcomes(failed=1, passed=1)
    done.stdout.fnmatch_lines([
        ">* assert_no_lost_events(wired)",
        "E * AssertionError: 1 event was not dealt with",
        "E * dead_lettered (given up*'failed':",
        "E * r1: bill, Event, failed",
        "-* lambdalab -*",
        "Lab(seed=0) *",
        "  <function bill: modelled*",
        "*invocations*succeeded*errors*",
        "bill *3 *0 *3 *",
        "findings",
        "  unread dead letters * failed: *",
        "r1: bill, Event, failed",
        "*attempt 3 fails*",
        "*1 failed, 1 passed*",
    ])  # fmt: skip
    text = done.stdout.str()
    assert text.count("Lab(seed=0)") == 1 + text.count("wired = Lab(seed=0)"), "no other test's"
    assert "def assert_no_lost_events" not in text, "the test's own line is where it failed"


def test_a_set_up_that_fails_tells_of_its_lab_too(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import pytest
        @pytest.fixture
        def wired(lab):
            lab.create_function("bill", duration=0.1)
            lab.create_event_source_mapping("orders", "bill")
        def test_it(wired): ...
    """)
    done = run(project)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["-* lambdalab -*", "  <function bill: modelled*"])


def test_what_cannot_be_told_hides_nothing(project: pytest.Pytester) -> None:
    project.makepyfile("""
        def test_it(lab):
            lab._wiring = lambda: 1 / 0
            assert 1 == 2
    """)
    done = run(project)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*assert 1 == 2*", "(the lab cannot be told of: ZeroDivisionError*"])


# ---- boto3 ---------------------------------------------------------------------------------------

AWS = """
    import time
    import boto3, pytest

    EARLY = boto3.client("sqs", region_name="eu-west-1")

    @pytest.fixture
    def url(lab_aws):
        time.sleep(100)
        yield boto3.client("sqs").create_queue(QueueName="orders")["QueueUrl"]
        assert boto3.client("sqs").get_queue_url(QueueName="orders")
        assert lab_aws.elapsed == 400

    def test_talks_to_the_lab(lab_aws, url):
        began = time.time()
        EARLY.send_message(QueueUrl=url, MessageBody="x")
        time.sleep(300)
        assert time.time() - began == 300
        assert [m.body for m in lab_aws.sqs["orders"].messages] == ["x"]

    def test_fails(url):
        time.sleep(300)
        raise ValueError("meant")

    def test_afterwards(lab):
        assert abs(time.time() - NOW) < 3600
        with pytest.raises(Exception, match="[Cc]redentials|[Rr]egion"):
            boto3.client("sqs").list_queues()

    NOW = time.time()
"""


TIMES = """
def pytest_runtest_logreport(report):
    with open("times", "a") as told:
        print(report.duration, file=told)
"""


@needs_boto3
def test_a_test_inside_lab_aws(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    project.makeconftest(f"{PLUGIN}{TIMES}")
    project.makepyfile(AWS)
    done = run(project, "-vv")
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines(["*ValueError: meant*", "-* lambdalab -*", "  <queue orders: *"])
    spent = (project.path / "times").read_text(encoding="utf-8").split()
    assert len(spent) == 9
    assert all(0 <= float(seconds) < 30 for seconds in spent), "pytest's own clocks are real"


def test_without_the_extra_lab_aws_says_what_to_install(project: pytest.Pytester) -> None:
    project.makeconftest(f'import sys\nsys.modules["boto3"] = None\n{PLUGIN}')
    project.makepyfile("def test_it(lab_aws): ...\ndef test_other(lab): ...")
    done = project.runpytest_subprocess(*STRICT)
    done.assert_outcomes(errors=1, passed=1)
    done.stdout.fnmatch_lines(["E *MissingExtra: *pip install*lambdalab?aws?*"])


# ---- other ways to use it ------------------------------------------------------------------------


def test_side_by_side(project: pytest.Pytester) -> None:
    project.makepyfile(FAILS, test_more="def test_it(lab): assert lab.seed == 0")
    done = project.runpytest_subprocess(*STRICT, "-p", "xdist", "-n", "2")
    done.assert_outcomes(failed=1, passed=2)
    done.stdout.fnmatch_lines(["-* lambdalab -*"])


def test_in_a_conftest_below_the_root(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    folder = pytester.mkpydir("below")
    (folder / "conftest.py").write_text("from lambdalab.testing.plugin import *\n")
    (folder / "test_it.py").write_text("""
import pytest
@pytest.mark.lab(seed=7)
def test_it(lab):
    assert lab.seed == 8
""")
    done = run(pytester)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["-* lambdalab -*", "Lab(seed=7)*"])


@needs_boto3
def test_the_fixture_alone(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest("from lambdalab.testing import lab, lab_aws\n")
    pytester.makepyfile("""
        import time
        def test_it(lab): assert lab.seed == 0
        def test_boto3(lab_aws):
            time.sleep(60)
            assert lab_aws.elapsed == 60
    """)
    run(pytester).assert_outcomes(passed=2)


def test_with_unittest(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import unittest
        import lambdalab as ll
        from lambdalab.testing import assert_invoked

        class Orders(unittest.TestCase):
            def setUp(self):
                self.lab = ll.Lab()
                self.addCleanup(self.lab.close)
                self.lab.create_function("bill", duration=1)

            def test_right(self):
                self.lab.invoke("bill", {})
                assert_invoked(self.lab, "bill", times=1)

            def test_wrong(self):
                with self.assertRaises(self.failureException):
                    assert_invoked(self.lab, "bill")
    """)
    run(project).assert_outcomes(passed=2)


# ---- the guide -----------------------------------------------------------------------------------

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "test-a-handler.md"
FILE = re.compile(
    r"^~~~\{code-block\} python\n:caption: (\S+)\n\n(.*?)^~~~$", re.MULTILINE | re.DOTALL
)
SHOWN = re.compile(r"^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@needs_boto3
def test_the_guide_shows_what_its_files_do(project: pytest.Pytester) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    files = dict(FILE.findall(text))
    assert set(files) == {"handler.py", "conftest.py", "test_bill.py"}
    for name, source in files.items():
        (project.path / name).write_text(source, encoding="utf-8")
    summary, report, _ = SHOWN.findall(text)
    done = run(project, "-q")
    done.assert_outcomes(passed=5)
    assert done.outlines[-1].startswith(summary.strip())
    worse = files["test_bill.py"].replace('end="90s"', 'end="5min"')
    assert worse != files["test_bill.py"]
    (project.path / "test_bill.py").write_text(worse, encoding="utf-8")
    done = run(project, "-q")
    done.assert_outcomes(passed=4, failed=1)
    assert report in done.stdout.str()
