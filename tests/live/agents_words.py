"""Checks the answers of a sign-in server for accounts whose state in the agents' directory is known. The test compares
the text of the page, and the reason and Entra's number in the log."""

import concurrent.futures
from dataclasses import dataclass

WRONG = "WRONG.Pass.1"
SAME = "The name or the password is not right."
EXPIRED = "Your password has expired."
OFF, ENDED = "This account is switched off.", "This account has expired."
RESTRICTED = "This account may not sign in at this hour or from here."
REVOKED = "This account is locked or switched off."
AWAY = "Your organisation's directory cannot be reached."
NOT_LET = "did not let this server check the password"


@dataclass
class Word:
    """A password, and the expected result: status and text of the page, number and reason in the log. For a right
    password, there is no number."""

    label: str
    name: str
    password: str
    text: str
    number: int
    reason: str
    status: int = 403


def check(server, report, part, words):
    """Sends all passwords at the same time, because each refusal takes seconds. All names differ, because the server checks
    passwords of one name one after the other."""
    with concurrent.futures.ThreadPoolExecutor(len(words)) as pool:
        answers = list(pool.map(lambda word: server.password(word.name, word.password), words))
    for word, answer in zip(words, answers):
        good = answer.status == word.status and word.text in answer.error() and not answer.session()
        good = good and server.says([f'"{word.name}"', f"entra={word.number}", word.reason])
        said = answer.error() or answer.status
        report.check(good, f"{part}, {word.label}: {word.number}", said, otherwise=f"{said}; {lines_of(server, word.name)}")


def signed_in(server, report, part, label, name, password):
    answer = server.password(name, password)
    report.check(answer.status == 303 and answer.session(), f"{part}, {label}: signed in", name,
                 otherwise=f"{answer.error() or answer.status}; {lines_of(server, name)}")
    return answer


def lines_of(server, name):
    """Returns the last line of the log about a name."""
    return next((line for line in reversed(server.log().splitlines()) if name in line), "the log has no line")
