"""Where notices may go: many ways to our own network, none of them open."""

from __future__ import annotations

import pytest

from bezant.rails.web import Guard
from bezant.rails.web.guard import NotAllowed

STRICT, SANDBOX = Guard(), Guard(allow_loopback=True)

ADDRESSES = (
    *("127.0.0.1", "127.1.2.3", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255"),
    *("192.168.0.1", "169.254.169.254", "100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%lo", "fc00::1", "fd00::1", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b::a00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:1::1"),
    *("2001::1", "2001:0:7f00:1::", "192.88.99.1", "100::1"),
)
"""What no socket may be connected to."""
PUBLIC = ("8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1")

HOSTS = (
    *(address if ":" not in address else f"[{address.replace('%', '%25')}]" for address in ADDRESSES),
    *("8.8.8.8", "[2606:4700::1111]", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001"),
    *("0x7f.1", "0177.1", "127.0.0.01", "00000177.0.0.1", "0x7F.0X0.0.1", "127.0.0x1", "4294967295"),
    *(
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "0xa9.0xfe.0xa9.0xfe",
        "169.254.43518",
        "169.16689662",
    ),
    *(
        "3232235521",
        "0xc0a80001",
        "0300.0250.0.1",
        "192.168.1",
        "167772161",
        "0x0a000001",
        "012.0.0.1",
        "10.1",
    ),
    *("[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::7f00:1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:1]"),
    *("[::ffff:a9fe:a9fe]", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "[fe80::a9fe:a9fe]", "[::1%25lo]"),
    *(
        "[2002:a9fe:a9fe::]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b::c0a8:1]",
        "[::ffff:0:127.0.0.1]",
        "[v1.127.0.0.1]",
    ),
    *("127.1", "127.0.1", "0", "1", "localhost", "localhost.", "LOCALHOST", "127.0.0.1.", "shop", "intranet"),
    *("a..b", ".example.com", "-a.example.com", "a-.example.com", "shop.example.com.", "a_b.example.com"),
    *("\u2460\u2461\u2466.0.0.1", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "ex\u0430mple.com"),
    *("example.1", "1.2.3.4.5", "999.999.999.999", "x" * 64 + ".com", "*.example.com", "%31%32%37.0.0.1"),
)
FORMS = (
    *(f"https://{host}/" for host in HOSTS),
    *(
        "http://shop.example.com/",
        "HTTP://shop.example.com/",
        "ftp://shop.example.com/",
        "file:///etc/passwd",
    ),
    *("gopher://shop.example.com/", "ws://shop.example.com/", "javascript:alert(1)", "data:text/plain,x"),
    *("//shop.example.com/", "shop.example.com", "/hook", "", "https:", "https://", "https:///x"),
    *("https:/shop.example.com", "https:shop.example.com", "https://shop.example.com:80/"),
    *("https://shop.example.com:8443/", "https://shop.example.com:0/", "https://shop.example.com:99999/"),
    *("https://shop.example.com:x/", "https://user@shop.example.com/", "https://u:p@shop.example.com/"),
    *("https://shop.example.com:443@127.0.0.1/", "https://@shop.example.com/", "https://:@shop.example.com/"),
    *("https://shop.example.com@127.0.0.1/", "https://127.0.0.1#@shop.example.com/"),
    *("https://127.0.0.1\\@shop.example.com/", "https://shop.example.com\\.evil.com/", "https://\\\\x.com/"),
    *("https://shop.example.com/ x", "https://shop.example.com/\r\nX: y", "https://shop.example.com/\t"),
    *("https://shop.example.com/\x00", " https://shop.example.com/", "https://shop.example.com/\u0660"),
    *("https://[::1", "https://::1/", "https://[shop.example.com]/", "https://" + "a" * 2100 + ".com/"),
    *("unix:///var/run/x", "https+unix://x/", "jar:https://x.com!/", "https://?x", "https://#x"),
)
GOOD = (
    *("https://shop.example.com/", "https://shop.example.com", "https://shop.example.com:443/paid"),
    *(
        "HTTPS://Shop.Example.com/paid?x=1&y=%20",
        "https://a-b.c1.example.co/",
        "https://xn--e1afmkfd.xn--p1ai/",
    ),
)
HERE = ("http://127.0.0.1:8080/x", "http://localhost/", "http://[::1]:9/", "https://127.0.0.1:8443/")


class TestAnAddress:
    @pytest.mark.parametrize("address", [*ADDRESSES, "", "shop.example.com", "127.0.0.1.1"])
    def test_of_our_own_or_of_nobody_is_vetoed(self, address: str) -> None:
        with pytest.raises(NotAllowed):
            STRICT.check_address(address)

    @pytest.mark.parametrize("address", PUBLIC)
    def test_of_the_internet_is_not(self, address: str) -> None:
        STRICT.check_address(address)

    @pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "0.1.2.3"])
    def test_that_is_not_this_machine_is_vetoed_in_a_sandbox_too(self, address: str) -> None:
        SANDBOX.check_address("127.0.0.1")
        SANDBOX.check_address("::1")
        with pytest.raises(NotAllowed):
            SANDBOX.check_address(address)


class TestAUrl:
    def test_has_many_bad_forms(self) -> None:
        assert len(set(FORMS)) == len(FORMS) >= 150

    @pytest.mark.parametrize("number", range(len(FORMS)))
    def test_of_a_bad_form_is_refused(self, number: int) -> None:
        with pytest.raises(NotAllowed):
            STRICT.check_url(FORMS[number])

    @pytest.mark.parametrize("url", GOOD)
    def test_of_a_good_form_is_not(self, url: str) -> None:
        STRICT.check_url(url)
        SANDBOX.check_url(url)

    @pytest.mark.parametrize("url", HERE)
    def test_to_this_machine_is_for_sandboxes(self, url: str) -> None:
        SANDBOX.check_url(url)
        with pytest.raises(NotAllowed):
            STRICT.check_url(url)
