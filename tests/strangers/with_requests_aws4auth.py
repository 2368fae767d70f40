"""The story through requests-aws4auth, which leaves the token's header out of the signature."""

import os

import requests
import story
from requests_aws4auth import AWS4Auth

AUTH = AWS4Auth(
    os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ["AWS_REGION"], "k2v"
)
SESSION = requests.Session()


def send(method, url, headers, body):
    answer = SESSION.request(method, url, headers=headers, data=body, auth=AUTH)
    signed = answer.request.headers["Authorization"]
    assert story.TOKEN not in signed, "it signs no token, which is the point of this story"
    return answer.status_code, dict(answer.headers), answer.content


story.tell(send, "requests-aws4auth")
