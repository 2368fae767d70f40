"""The calls of K2V as a program makes them that has a stock signer and no K2V library.

`tell(send)` makes them through `send(method, url, headers, body)`, which signs and sends a request and gives `(status, headers, body)`.
Whatever is answered otherwise than the protocol says ends the program.
"""

import base64
import json
import os
from urllib.parse import quote, urlencode

TOKEN = "x-garage-causality-token"


def base_url():
    return f"{os.environ['K2V_ENDPOINT']}/{os.environ['K2V_BUCKET']}"


def url(partition_key=None, **query):
    """The address of the bucket or of a partition: slashes of the key are encoded, so that no signer takes them for the path's."""
    path = "" if partition_key is None else "/" + quote(partition_key, safe="")
    return base_url() + path + ("?" + urlencode(query, quote_via=quote) if query else "")


def encoded(value):
    return base64.b64encode(value).decode()


class Partition:
    """A partition that only this run of the story writes to."""

    def __init__(self, send, name):
        self.send = send
        self.pk = name

    def call(self, method, target, body=b"", *, expect, accept="application/json", token=None):
        headers = {"accept": accept}
        if token is not None:
            headers[TOKEN] = token
        status, headers, answer = self.send(method, target, headers, body)
        assert status in expect, f"{method} {target} is answered with {status}: {answer!r}"
        return status, {name.lower(): value for name, value in headers.items()}, answer

    def item(self, sk):
        return url(self.pk, sort_key=sk)

    def put(self, sk, value, token=None, expect=(204,)):
        self.call("PUT", self.item(sk), value, token=token, expect=expect)

    def delete(self, sk, token):
        self.call("DELETE", self.item(sk), token=token, expect=(204,))

    def get(self, sk):
        """The values of an item, tombstones as None, and its token."""
        _, headers, body = self.call("GET", self.item(sk), expect=(200,))
        values = [None if value is None else base64.b64decode(value) for value in json.loads(body)]
        return values, headers[TOKEN]

    def post(self, keyword, body, expect=(200,)):
        target = url(**{keyword: ""}) if keyword else url()
        _, _, answer = self.call("POST", target, json.dumps(body).encode(), expect=expect)
        return json.loads(answer) if answer else None


def check(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


def items_one_by_one(partition):
    """PutItem, ReadItem, a write with the token, DeleteItem with the token."""
    partition.put("a", b"one")
    partition.put("a", b"two")
    values, token = partition.get("a")
    check(sorted(values), [b"one", b"two"])
    partition.put("a", b"three", token)
    values, token = partition.get("a")
    check(values, [b"three"])
    status, _, body = partition.call("GET", partition.item("a"), expect=(200,), accept="application/octet-stream")
    check((status, body), (200, b"three"))
    partition.put("b", b"of another item")
    partition.put("a", b"four", partition.get("b")[1], expect=(400,))
    partition.delete("a", token)
    check(partition.get("a")[0], [None])
    partition.call("GET", partition.item("never written"), expect=(404,))


def bytes_of_any_kind(partition):
    """Values are not text, and keys hold what an address has other uses for."""
    every_byte = bytes(range(256))
    for sk in ["bytes", "a/b//c", "50% & more?", "ä+ö=ü", "~._-", "*'()!;:@,$"]:
        partition.put(sk, every_byte)
        check(partition.get(sk)[0], [every_byte])
    partition.put("empty", b"")
    check(partition.get("empty")[0], [b""])


def many_at_once(partition):
    """InsertBatch, ReadBatch, ReadIndex, DeleteBatch, PollRange."""
    pk = partition.pk
    ops = [{"pk": pk, "sk": f"item-{n}", "ct": None, "v": encoded(b"%d" % n)} for n in range(3)]
    partition.post("", ops, expect=(204,))
    [page] = partition.post("search", [{"partitionKey": pk, "prefix": "item-", "limit": 2}])
    check([item["sk"] for item in page["items"]], ["item-0", "item-1"])
    check((page["more"], page["nextStart"]), (True, "item-2"))
    token = page["items"][0]["ct"]
    partition.post("", [{"pk": pk, "sk": "item-0", "ct": token, "v": encoded(b"new")}], expect=(204,))
    check(partition.get("item-0")[0], [b"new"])

    _, _, body = partition.call("GET", url(prefix=pk, limit="1"), expect=(200,))
    [counted] = json.loads(body)["partitionKeys"]
    check((counted["pk"], counted["conflicts"]), (pk, 0))

    poll = url(pk, poll_range="")
    _, _, body = partition.call("POST", poll, b'{"prefix":"item-"}', expect=(200,))
    changes = json.loads(body)
    check([item["sk"] for item in changes["items"]], ["item-0", "item-1", "item-2"])
    partition.put("item-9", b"nine")
    resumed = json.dumps({"prefix": "item-", "seenMarker": changes["seenMarker"]}).encode()
    _, _, body = partition.call("POST", poll, resumed, expect=(200,))
    check([item["sk"] for item in json.loads(body)["items"]], ["item-9"])

    [deleted] = partition.post("delete", [{"partitionKey": pk, "prefix": "item-"}])
    check(deleted["deletedItems"], 4)


def tell(send, who):
    for part in [items_one_by_one, bytes_of_any_kind, many_at_once]:
        part(Partition(send, f"{who}//{part.__name__} & Ωmega/.."))
        print(f"{who}: {part.__name__}")
