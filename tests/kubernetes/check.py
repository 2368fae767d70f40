"""Holds the manifests of deploy/kubernetes against Kubernetes' own schemas, and against each other.

    python tests/kubernetes/check.py deploy/kubernetes/*.yaml
"""

import copy
import sys

import kubernetes_validate
import yaml

VERSION = "1.29"


def find(documents, kind, name):
    return next(d for d in documents if d["kind"] == kind and d["metadata"]["name"] == name)


def is_refused(document):
    try:
        kubernetes_validate.validate(document, VERSION, strict=True)
    except kubernetes_validate.ValidationError:
        return True
    return False


def main(files):
    documents = [d for file in files for d in yaml.safe_load_all(open(file)) if d]
    for document in documents:
        kubernetes_validate.validate(document, VERSION, strict=True)
        # A check that takes anything would prove nothing.
        mistaken = copy.deepcopy(document)
        mistaken["metadata"]["nmae"] = "a typing error"
        assert is_refused(mistaken), f"a misspelt field of a {document['kind']} goes unnoticed"

    nodes = find(documents, "StatefulSet", "troupe")["spec"]
    container = nodes["template"]["spec"]["containers"][0]
    labels = nodes["template"]["metadata"]["labels"]
    assert nodes["selector"]["matchLabels"] == labels
    headless = find(documents, "Service", nodes["serviceName"])["spec"]
    assert headless["clusterIP"] == "None" and headless["selector"] == labels
    assert find(documents, "Service", "troupe")["spec"]["selector"] == labels
    assert find(documents, "PodDisruptionBudget", "troupe")["spec"]["selector"]["matchLabels"] == labels
    ports = {port["name"] for port in container["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] in ports, probe
    volumes = {v["name"]: v for v in nodes["template"]["spec"]["volumes"]}
    claims = {claim["metadata"]["name"] for claim in nodes["volumeClaimTemplates"]}
    for mount in container["volumeMounts"]:
        assert mount["name"] in volumes.keys() | claims, mount
    config = find(documents, "ConfigMap", volumes["config"]["configMap"]["name"])["data"]["troupe.toml"]
    secrets = find(documents, "Secret", volumes["secrets"]["secret"]["secretName"])["stringData"]
    read = config + " ".join(str(e.get("value")) for e in container["env"])
    for name in secrets:
        assert f"/etc/troupe-secrets/{name}" in read, f"nobody reads the secret {name}"
    for number in range(nodes["replicas"]):
        assert f"troupe-{number}.{nodes['serviceName']}:3901" in config, f"node {number} is no bootstrap peer"
    print(f"{len(documents)} manifests are what Kubernetes {VERSION} takes, and fit together")


main(sys.argv[1:])
