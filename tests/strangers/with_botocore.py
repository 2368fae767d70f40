"""The story through botocore, whose signatures cover the body without naming its hash, and through its presigned addresses."""

import json
import os
import urllib.error
import urllib.request

import story
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

CREDENTIALS = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
REGION = os.environ["AWS_REGION"]
SESSION = URLLib3Session()


def send(method, url, headers, body):
    request = AWSRequest(method, url, headers=headers, data=body)
    SigV4Auth(CREDENTIALS, "k2v", REGION).add_auth(request)
    assert "x-amz-content-sha256" not in request.headers, "botocore names no hash, which is the point of this story"
    answer = SESSION.send(request.prepare())
    return answer.status_code, dict(answer.headers), answer.content


def changed_on_the_way():
    """Another body under the same signature is refused, and nothing is stored."""
    partition = story.Partition(send, "botocore: changed")
    request = AWSRequest("PUT", partition.item("a"), headers={}, data=b"what was signed")
    SigV4Auth(CREDENTIALS, "k2v", REGION).add_auth(request)
    prepared = request.prepare()
    prepared.body = b"what is sent !!"
    answer = SESSION.send(prepared)
    story.check(answer.status_code, 403)
    partition.call("GET", partition.item("a"), expect=(404,))


def presigned(method, url, expires=60):
    request = AWSRequest(method, url)
    SigV4QueryAuth(CREDENTIALS, "k2v", REGION, expires=expires).add_auth(request)
    return request.url


def fetched(url):
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def presigned_addresses():
    """An address that anybody may open, for a while, and for nothing else."""
    partition = story.Partition(send, "botocore: presigned & more")
    partition.put("a b", b"for everybody")
    address = presigned("GET", partition.item("a b"))
    status, headers, body = fetched(address)
    story.check((status, json.loads(body)), (200, [story.encoded(b"for everybody")]))
    assert story.TOKEN in {name.lower() for name in headers}
    story.check(fetched(address.replace("a%20b", "a%20c"))[0], 403)
    story.check(fetched(partition.item("a b"))[0], 403)
    story.check(fetched(presigned("GET", partition.item("a b"), expires=604_801))[0], 400)


story.tell(send, "botocore")
changed_on_the_way()
print("botocore: changed_on_the_way")
presigned_addresses()
print("botocore: presigned_addresses")
