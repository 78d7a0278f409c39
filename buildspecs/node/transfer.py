"""Fetching and handing over by signed links: HTTPS alone, verified, through the proxies that the agent's environment names."""

import hashlib
import http.client
import os
import ssl
import time
import urllib.error
import urllib.request

from answer import FULL, Problem

MAX_PACKED_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
# Of one step of an exchange; the run as a whole has its own limit.
ANSWER_SECONDS = 30
PAUSES_SECONDS = (0.5, 2, 5, 10, None)
# Where distributions keep the authorities that are trusted, for a Python that was built for another place.
AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def new_opener():
    """Opens HTTPS and nothing else; follows no redirect, since a signed link is good for one place."""
    context = ssl.create_default_context()
    # Chain and name are verified. Python 3.13 also asks for extensions that proxies' own authorities often lack, and
    # that the SSM agent and other tools do not ask for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    known = ssl.get_default_verify_paths()
    if known.cafile is None and known.capath is None:
        for name in filter(os.path.exists, AUTHORITIES):
            context.load_verify_locations(name)
            break
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def fetch(opener, url, sha256, name):
    """Writes the bundle to a file; only when that is the one that the command was sent with."""

    def once():
        with opener.open(urllib.request.Request(url), timeout=ANSWER_SECONDS) as response:
            return save(response, name)

    status, digest, _ = patiently(once)
    if status != 200:
        raise Problem("the bundle cannot be fetched: " + told(status))
    if digest != sha256:
        raise Problem(
            "the bundle is not the one that this command was sent with (its SHA-256 differs), so that nothing of it was"
            " used: start the check anew, and if that helps not, find out who writes to the results bucket"
        )


def save(response, name):
    digest, size = hashlib.sha256(), 0
    with open(name, "wb") as file:
        while True:
            chunk = response.read(CHUNK_BYTES)
            if not chunk:
                break
            size += len(chunk)
            if size > MAX_PACKED_BYTES:
                raise Problem("the bundle is larger than %d MB: it is not one of ours" % (MAX_PACKED_BYTES >> 20))
            digest.update(chunk)
            file.write(chunk)
    if response.length:
        raise http.client.IncompleteRead(b"")
    return digest.hexdigest()


def hand_over(opener, url, data):
    """Puts the stream to this node's own link, which takes one object only."""
    headers = {"If-None-Match": "*", "Content-Type": "application/x-ndjson"}

    def once():
        request = urllib.request.Request(url, data=data, method="PUT", headers=headers)
        with opener.open(request, timeout=ANSWER_SECONDS) as response:
            response.read(CHUNK_BYTES)

    status, _, lost = patiently(once)
    # After an answer that got lost, what lies there is most likely ours; who joins the streams compares its hash.
    if status == 412 and lost:
        return
    if status == 412:
        raise Problem(
            "something was handed over by this node's link before, so that its own stream was refused: look for a second"
            " run of the same command on the node, or for who else has the link"
        )
    if status != 200:
        raise Problem("the stream cannot be handed over: " + told(status))


def patiently(once):
    """
    Again, after what may pass by itself: the network, a bad minute of S3, another write under way.
    Gives the status (or the network's word for what went wrong), what was made, and whether an answer got lost.
    """
    lost = False
    for pause in PAUSES_SECONDS:
        try:
            return 200, once(), lost
        except urllib.error.HTTPError as error:
            status = error.code
            passes = status in (408, 409, 429) or status >= 500
            lost = lost or status >= 500
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise
            status, lost = network_word(error), True
            passes = "CERTIFICATE_VERIFY_FAILED" not in status
        if not passes or pause is None:
            break
        time.sleep(pause)
    return status, None, lost


def network_word(error):
    """Never the error of http.client itself, which may hold the link."""
    reason = getattr(error, "reason", error)
    return str(reason) if isinstance(reason, OSError) else type(error).__name__


def told(status):
    if status == 403:
        return (
            "the link was refused (403): its time is over, or who signed it may not do this; look at the node's clock,"
            " and at how long the command waited"
        )
    if isinstance(status, int):
        return "the link was answered with %d" % status
    if "CERTIFICATE_VERIFY_FAILED" in status:
        return (
            "the certificate of S3 is not trusted here (%s): install the CA certificates of the system, or name those"
            " of your proxy by SSL_CERT_FILE in the environment of the SSM agent" % status
        )
    return "%s: the node needs a way to S3 by HTTPS, by itself, by an endpoint or by a proxy of the SSM agent" % status
