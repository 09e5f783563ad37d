// Requests as bytes, and what a strict server makes of them: well-formed, malformed, and the tricks of request
// smuggling. Data only; raw.test.ts and the fuzz test use it.

/** The limits that the cases are written for: small ones, so that every split of every case can be tried. */
export const RAW_LIMITS = {
  maxHeadBytes: 1024,
  maxTargetBytes: 256,
  maxFields: 20,
  maxBodyBytes: 512,
} as const;

export interface RawCase {
  readonly name: string;
  readonly input: string;
  /** Final statuses of the answers, in order; 200 for each request that reached the responder. */
  readonly statuses: readonly number[];
  /** Whether the server has closed its side afterwards. */
  readonly closes: boolean;
  /** Bodies of the requests that reached the responder, where they matter. */
  readonly bodies?: readonly string[];
}

const HOST = "Host: a.example\r\n";

function head(line: string, fields = HOST): string {
  return `${line}\r\n${fields}\r\n`;
}

function get(fields: string): string {
  return head("GET / HTTP/1.1", HOST + fields);
}

function post(fields: string, body = ""): string {
  return head("POST / HTTP/1.1", HOST + fields) + body;
}

function chunked(body: string): string {
  return post("Transfer-Encoding: chunked\r\n", body);
}

function served(name: string, input: string, count = 1, bodies?: readonly string[]): RawCase {
  const statuses = Array.from({ length: count }, () => 200);
  return bodies === undefined
    ? { name, input, statuses, closes: false }
    : { name, input, statuses, closes: false, bodies };
}

function lastServed(name: string, input: string): RawCase {
  return { name, input, statuses: [200], closes: true };
}

function refused(name: string, status: number, input: string, before: readonly number[] = []): RawCase {
  return { name, input, statuses: [...before, status], closes: true };
}

function waiting(name: string, input: string): RawCase {
  return { name, input, statuses: [], closes: false };
}

const NEXT = get("");

export const REQUEST_LINES: readonly RawCase[] = [
  served("origin form", head("GET /a/b?c=d HTTP/1.1")),
  served("as long a target as allowed", head(`GET /${"a".repeat(255)} HTTP/1.1`)),
  served(
    "a target with the characters that browsers leave as they are",
    head('GET /?q=a|b^c`{}"<>\\ HTTP/1.1'),
  ),
  served("absolute form", head("GET http://b.example:81/x HTTP/1.1")),
  served("absolute form, scheme in capitals, no path", head("GET HTTP://b.example HTTP/1.1")),
  served("absolute form, query right after the authority", head("GET http://b.example?x HTTP/1.1")),
  served("absolute form, https", head("GET https://b.example/x HTTP/1.1")),
  served("absolute form, IP literal", head("GET http://[fd00::1]:8080/ HTTP/1.1")),
  served("asterisk form", head("OPTIONS * HTTP/1.1")),
  served("OPTIONS of a path", head("OPTIONS /x HTTP/1.1")),
  served(
    "OPTIONS in absolute form without a path, which is the asterisk's",
    head("OPTIONS http://b HTTP/1.1"),
  ),
  served("a path that begins with two slashes", head("GET //b.example/x HTTP/1.1")),
  served(
    "a path with dot segments and percent-encodings, left as it is",
    head("GET /a/../%2e%00;b HTTP/1.1"),
  ),
  served("a method that nobody has heard of", head("BREW /pot HTTP/1.1")),
  served("a method in small letters, which is another method", head("get / HTTP/1.1")),
  served("a method of all token characters", head("!#$%&'*+-.^_`|~09azAZ / HTTP/1.1")),
  served("HEAD", head("HEAD / HTTP/1.1")),
  served("one empty line before the request line", `\r\n${NEXT}`),
  served("four empty lines before the request line", `\r\n\r\n\r\n\r\n${NEXT}`),
  served("an empty line between two requests", `${NEXT}\r\n${NEXT}`, 2),
  lastServed("HTTP/1.0", head("GET / HTTP/1.0")),
  lastServed("HTTP/1.0 without Host", head("GET / HTTP/1.0", "")),
  refused("five empty lines before the request line", 400, `\r\n\r\n\r\n\r\n\r\n${NEXT}`),
  refused("HTTP/2.0", 505, head("GET / HTTP/2.0")),
  refused("the preface of HTTP/2", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  refused("HTTP/1.2", 505, head("GET / HTTP/1.2")),
  refused("HTTP/0.9 with a version", 505, head("GET / HTTP/0.9")),
  refused("HTTP/0.9 without a version", 400, "GET /\r\n\r\n"),
  refused("a version in small letters", 400, head("GET / http/1.1")),
  refused("a version of two digits", 400, head("GET / HTTP/1.10")),
  refused("a version without a point", 400, head("GET / HTTP/11")),
  refused("a version of letters", 400, head("GET / HTTP/a.b")),
  refused("another protocol", 400, head("GET / RTSP/1.0")),
  refused("two spaces before the target", 400, head("GET  / HTTP/1.1")),
  refused("two spaces before the version", 400, head("GET /  HTTP/1.1")),
  refused("a space after the version", 400, head("GET / HTTP/1.1 ")),
  refused("a space before the method", 400, head(" GET / HTTP/1.1")),
  refused("a tab for a space", 400, head("GET\t/ HTTP/1.1")),
  refused("no method", 400, head("/ HTTP/1.1")),
  refused("a method with a colon", 400, head("G:T / HTTP/1.1")),
  refused("a method with a byte above 0x7F", 400, head("G\xc9T / HTTP/1.1")),
  refused("a space in the target", 400, head("GET /a b HTTP/1.1")),
  refused("a fragment in the target", 400, head("GET /a#b HTTP/1.1")),
  refused("a byte above 0x7F in the target", 400, head("GET /\xe9 HTTP/1.1")),
  refused("a NUL in the target", 400, head("GET /\0 HTTP/1.1")),
  refused("a DEL in the target", 400, head("GET /\x7f HTTP/1.1")),
  refused("a relative path", 400, head("GET a HTTP/1.1")),
  refused("an asterisk that is not for OPTIONS", 400, head("GET * HTTP/1.1")),
  refused("an asterisk with something behind it", 400, head("OPTIONS *a HTTP/1.1")),
  refused("authority form", 400, head("GET a.example:80 HTTP/1.1")),
  refused("CONNECT", 501, head("CONNECT a.example:80 HTTP/1.1")),
  refused("an unknown scheme", 400, head("GET ftp://a.example/ HTTP/1.1")),
  refused("absolute form without an authority", 400, head("GET http:///x HTTP/1.1")),
  refused("absolute form with userinfo", 400, head("GET http://u:p@a.example/ HTTP/1.1")),
  refused("a target that is too long", 414, head(`GET /${"a".repeat(256)} HTTP/1.1`)),
  refused("a request line without an end", 414, "G".repeat(400)),
  refused("TRACE", 501, head("TRACE / HTTP/1.1")),
  refused("CONNECT of a path", 501, head("CONNECT / HTTP/1.1")),
  refused("a version with a leading zero", 400, head("GET / HTTP/01.1")),
  refused("a version with a comma", 400, head("GET / HTTP/1,1")),
  refused("a version with a space in it", 400, head("GET / HTTP/ 1.1")),
  refused("another protocol with the right version", 400, head("GET / HTTPS/1.1")),
  refused("two versions", 400, head("GET / HTTP/1.1 HTTP/1.1")),
  refused("a tab before the version", 400, head("GET /\tHTTP/1.1")),
  refused("a request line that is a method", 400, "GET\r\n\r\n"),
  refused("a line end within the request line", 400, `GET /\r\n HTTP/1.1\r\n${HOST}\r\n`),
  refused("a byte order mark before the method", 400, `\xef\xbb\xbf${head("GET / HTTP/1.1")}`),
  refused("an answer instead of a request", 400, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
  refused("a method that is too long for a request line", 414, head(`${"M".repeat(300)} / HTTP/1.1`)),
  waiting("an empty line and nothing behind it", "\r\n"),
  refused("a TLS handshake", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
];

export const FIELDS: readonly RawCase[] = [
  served("no fields but Host", NEXT),
  served("a field without a value", get("X-Empty:\r\n")),
  served("spaces and tabs around a value", get("X-Space: \t a b \t \r\n")),
  served("a value without a space before it", get("X-Close:a\r\n")),
  served("bytes above 0x7F in a value", get("X-Name: J\xfcrg\r\n")),
  served("UTF-8 in a value", get("X-Name: J\xc3\xbcrg \xf0\x9f\x90\x9a\r\n")),
  served("a colon in a value", get("X-Time: 12:30:00\r\n")),
  served("a name of all token characters", get("!#$%&'*+-.^_`|~09azAZ: x\r\n")),
  served("Host with a port", head("GET / HTTP/1.1", "hOsT:a.example:8080\r\n")),
  served("Host with an empty port", head("GET / HTTP/1.1", "Host: a.example:\r\n")),
  served("Host with an IPv6 address", head("GET / HTTP/1.1", "Host: [2001:db8::1]:80\r\n")),
  served("Host with a percent-encoding", head("GET / HTTP/1.1", "Host: a%2Eexample\r\n")),
  served("as many fields as allowed", get("X: y\r\n".repeat(19))),
  refused("one field too many", 431, get("X: y\r\n".repeat(20))),
  refused("a head that is too long", 431, get(`X: ${"y".repeat(1024)}\r\n`)),
  refused("a head without an end", 431, `GET / HTTP/1.1\r\n${`X: ${"y".repeat(100)}\r\n`.repeat(20)}`),
  refused("no Host", 400, head("GET / HTTP/1.1", "")),
  refused("no Host in absolute form", 400, head("GET http://a.example/ HTTP/1.1", "")),
  refused("an empty Host", 400, head("GET / HTTP/1.1", "Host: \r\n")),
  refused("two Hosts", 400, head("GET / HTTP/1.1", HOST + HOST)),
  refused("two Hosts in HTTP/1.0", 400, head("GET / HTTP/1.0", HOST + HOST)),
  refused("Host with a path", 400, head("GET / HTTP/1.1", "Host: a.example/x\r\n")),
  refused("Host with userinfo", 400, head("GET / HTTP/1.1", "Host: u@a.example\r\n")),
  refused("Host with a space", 400, head("GET / HTTP/1.1", "Host: a b\r\n")),
  refused("Host with a port beyond 65535", 400, head("GET / HTTP/1.1", "Host: a.example:65536\r\n")),
  refused("Host with a port that is no number", 400, head("GET / HTTP/1.1", "Host: a.example:8o\r\n")),
  refused("Host with a broken percent-encoding", 400, head("GET / HTTP/1.1", "Host: a%2\r\n")),
  refused("Host with an unclosed bracket", 400, head("GET / HTTP/1.1", "Host: [::1\r\n")),
  refused("Host with a zone", 400, head("GET / HTTP/1.1", "Host: [fe80::1%25eth0]\r\n")),
  refused("Host with bytes above 0x7F", 400, head("GET / HTTP/1.1", "Host: b\xc3\xbccher.example\r\n")),
  refused("Host that is a list", 400, head("GET / HTTP/1.1", "Host: a.example, b.example\r\n")),
  refused("Host that is a port", 400, head("GET / HTTP/1.1", "Host: :80\r\n")),
  refused("Host with two ports", 400, head("GET / HTTP/1.1", "Host: a.example:80:81\r\n")),
  refused("Host with an IPv6 address without brackets", 400, head("GET / HTTP/1.1", "Host: fd00::1\r\n")),
  refused("Host that is a URI", 400, head("GET / HTTP/1.1", "Host: http://a.example\r\n")),
  refused("two Hosts in absolute form", 400, head("GET http://a.example/ HTTP/1.1", HOST + HOST)),
  refused("two Hosts, one in small letters", 400, head("GET / HTTP/1.1", `${HOST}host: b.example\r\n`)),
  refused("a space before the colon", 400, get("X-A : b\r\n")),
  refused("a space before the first name", 400, head("GET / HTTP/1.1", ` ${HOST}`)),
  refused("a folded line", 400, get("X-A: b\r\n c\r\n")),
  refused("a line folded with a tab", 400, get("X-A: b\r\n\tc\r\n")),
  refused("no name", 400, get(": b\r\n")),
  refused("no colon", 400, get("X-A\r\n")),
  refused("a space in a name", 400, get("X A: b\r\n")),
  refused("a byte above 0x7F in a name", 400, get("X\xe9: b\r\n")),
  refused("a NUL in a value", 400, get("X-A: b\0c\r\n")),
  refused("a DEL in a value", 400, get("X-A: b\x7fc\r\n")),
  refused("a bell in a value", 400, get("X-A: \x07\r\n")),
  refused("a bare LF after the request line", 400, `GET / HTTP/1.1\n${HOST}\r\n`),
  refused("a bare LF after a field", 400, get("X-A: b\n")),
  refused("a bare LF before the request line", 400, `\n${NEXT}`),
  refused("a bare LF as the empty line", 400, `GET / HTTP/1.1\r\n${HOST}\n`),
  refused("a bare CR in a value", 400, get("X-A: b\rc\r\n")),
  refused("a bare CR before the request line", 400, `\rGET / HTTP/1.1\r\n${HOST}\r\n`),
  refused("a NUL in a name", 400, get("X\0: b\r\n")),
  refused("a vertical tab before the colon", 400, get("X-A\x0b: b\r\n")),
  refused("a bare CR that hides a field", 400, get("X-A: b\rContent-Length: 3\r\n")),
  refused("a bare LF that hides a field", 400, get("X-A: b\nContent-Length: 3\r\n")),
  refused("a field whose end is a bare CR and whose next is empty", 400, get("X-A: b\r\r\n\r\n")),
  refused("CR CR LF", 400, get("X-A: b\r\r\n")),
];

export const CONNECTIONS: readonly RawCase[] = [
  lastServed("Connection: close", get("Connection: close\r\n")),
  lastServed("Connection: Close, in a list", get("Connection: foo , Close\r\n")),
  lastServed("close in a second field", get("Connection: keep-alive\r\nConnection: close\r\n")),
  lastServed("requests behind the last one", get("Connection: close\r\n") + NEXT),
  served("an option that is not ours", get("Connection: closed, close-ish\r\n")),
  served("keep-alive, which nobody has to say", get("Connection: keep-alive\r\n")),
  lastServed("close between empty elements", get("Connection: ,, close ,\r\n")),
  lastServed("close behind a body", post("Connection: close\r\nContent-Length: 1\r\n", "a") + NEXT),
  served(
    "two of HTTP/1.0 with keep-alive",
    head("GET / HTTP/1.0", "Connection: keep-alive\r\n").repeat(2),
    2,
  ),
  lastServed("HTTP/1.0 with a body", `${head("POST / HTTP/1.0", "Content-Length: 1\r\n")}a`),
  served(
    "HTTP/1.0 with a body and keep-alive",
    `${head("POST / HTTP/1.0", "Content-Length: 1\r\nConnection: keep-alive\r\n")}a${NEXT}`,
    2,
  ),
  served("HTTP/1.0 with keep-alive", head("GET / HTTP/1.0", "Connection: Keep-Alive\r\n")),
  lastServed(
    "HTTP/1.0 with keep-alive and close",
    head("GET / HTTP/1.0", "Connection: keep-alive, close\r\n"),
  ),
  served("two requests at once", NEXT + NEXT, 2),
  served("twenty requests at once", NEXT.repeat(20), 20),
  refused("nonsense behind a request", 400, `${NEXT}\x01`, [200]),
  served("Upgrade, which we leave alone", get("Connection: Upgrade\r\nUpgrade: websocket\r\n")),
  served(
    "Upgrade to HTTP/2, which we leave alone",
    get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n") + NEXT,
    2,
  ),
  refused("an expectation that is not ours", 417, get("Expect: 200-ok\r\n")),
  refused("an empty expectation", 417, get("Expect:\r\n")),
  refused(
    "an expectation that is not ours beside one that is",
    417,
    get("Expect: 100-continue\r\nExpect: x\r\n"),
  ),
  lastServed(
    "100-continue in HTTP/1.0, which knows none",
    `${head("POST / HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 1\r\n")}a`,
  ),
  refused("100-continue in a list", 417, post("Expect: 100-continue, x\r\nContent-Length: 1\r\n", "a")),
  served("100-continue", post("Expect: 100-Continue\r\nContent-Length: 1\r\n", "a"), 1, ["a"]),
  served("100-continue without a body", get("Expect: 100-continue\r\n")),
];

export const LENGTHS: readonly RawCase[] = [
  served("a body", post("Content-Length: 5\r\n", "hello"), 1, ["hello"]),
  served("an empty body", post("Content-Length: 0\r\n"), 1, [""]),
  served("leading zeros", post("Content-Length: 0005\r\n", "hello"), 1, ["hello"]),
  served("spaces and tabs around the length", post("Content-Length: \t5 \t\r\n", "hello"), 1, ["hello"]),
  served("a body with GET, and a request", `${get("Content-Length: 2\r\n")}hi${NEXT}`, 2, ["hi", ""]),
  served("a field with a name like the length's", get("Content_Length: 5\r\n") + NEXT, 2),
  served("a body and a request", post("Content-Length: 5\r\n", "hello") + NEXT, 2, ["hello", ""]),
  served("a body that looks like a request", post(`Content-Length: ${NEXT.length}\r\n`, NEXT), 1, [NEXT]),
  served("a body with GET", `${get("Content-Length: 2\r\n")}hi`, 1, ["hi"]),
  served("as large a body as allowed", post("Content-Length: 512\r\n", "x".repeat(512))),
  waiting("a body that has not all come", post("Content-Length: 5\r\n", "hell")),
  refused("a body that is too large", 413, post("Content-Length: 513\r\n")),
  refused(
    "a body that is too large, to be continued",
    413,
    post("Expect: 100-continue\r\nContent-Length: 513\r\n"),
  ),
  refused("a length beyond all numbers", 413, post(`Content-Length: ${"9".repeat(400)}\r\n`)),
  refused("two lengths", 400, post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello")),
  refused("two equal lengths", 400, post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")),
  refused("a list of lengths", 400, post("Content-Length: 5, 5\r\n", "hello")),
  refused("a length with a sign", 400, post("Content-Length: +5\r\n", "hello")),
  refused("a negative length", 400, post("Content-Length: -5\r\n", "hello")),
  refused("a hexadecimal length", 400, post("Content-Length: 0x5\r\n", "hello")),
  refused("a length with a space in it", 400, post("Content-Length: 1 1\r\n", "hello world")),
  refused("two empty lengths' worth", 400, post("Content-Length: 0\r\nContent-Length: 0\r\n")),
  refused("a length of another alphabet", 400, post("Content-Length: \xd9\xa5\r\n", "hello")),
  refused("a length with a parameter", 400, post("Content-Length: 5;a\r\n", "hello")),
  refused("a length with a point", 400, post("Content-Length: 5.0\r\n", "hello")),
  refused("a length with an exponent", 400, post("Content-Length: 5e0\r\n", "hello")),
  refused("a length in quotes", 400, post('Content-Length: "5"\r\n', "hello")),
  refused("a length behind a vertical tab", 400, post("Content-Length: \x0b5\r\n", "hello")),
  refused("a folded length", 400, post("Content-Length:\r\n 5\r\n", "hello")),
  refused("an empty length", 400, post("Content-Length:\r\n", "hello")),
  refused("a length with a space before its colon", 400, post("Content-Length : 5\r\n", "hello")),
];

export const CHUNKED: readonly RawCase[] = [
  served("chunks", chunked("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), 1, ["hello world"]),
  served("no chunks but the last", chunked("0\r\n\r\n"), 1, [""]),
  served(
    "sizes in either case with leading zeros",
    chunked("00a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n"),
  ),
  served("chunked in capitals", post("TRANSFER-ENCODING: CHUNKED\r\n", "1\r\na\r\n0\r\n\r\n"), 1, ["a"]),
  served("extensions", chunked('1;a;b=c;d="e\\";f"\r\nx\r\n0;last\r\n\r\n'), 1, ["x"]),
  served("extensions with space around them", chunked('1 ; a\t;b = "c"\r\nx\r\n0;last\r\n\r\n'), 1, ["x"]),
  served("trailers", chunked("1\r\nx\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n"), 1, ["x"]),
  served("trailers and a request", chunked(`0\r\nX-Sum: J\xfcrg\r\n\r\n${NEXT}`), 2, ["", ""]),
  refused(
    "a field with a name like the coding's, and chunks",
    400,
    post("Transfer_Encoding: chunked\r\n", "0\r\n\r\n"),
    [200],
  ),
  refused("a request for a trailer", 400, chunked(`0\r\n${NEXT}`)),
  refused("a trailer that is a length", 400, chunked("0\r\nCONTENT-LENGTH: 5\r\n\r\n")),
  refused("a trailer that is a coding", 400, chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n")),
  refused("a trailer that is a host", 400, chunked(`0\r\n${HOST}\r\n`)),
  refused("a folded trailer", 400, chunked("0\r\nX: 1\r\n 2\r\n\r\n")),
  refused("a trailer with a bare CR", 400, chunked("0\r\nX: 1\r2\r\n\r\n")),
  refused("a trailer with a NUL", 400, chunked("0\r\nX: \0\r\n\r\n")),
  served("chunks and a request", chunked("1\r\nx\r\n0\r\n\r\n") + NEXT, 2, ["x", ""]),
  served(
    "100-continue",
    post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n"),
  ),
  waiting("chunks that have not all come", chunked("5\r\nhello\r\n")),
  waiting("a size that has not all come", chunked("5")),
  refused("with a length", 400, post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
  refused(
    "with a length behind",
    400,
    post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"),
  ),
  refused("in HTTP/1.0", 400, `${head("POST / HTTP/1.0", `${HOST}Transfer-Encoding: chunked\r\n`)}0\r\n\r\n`),
  refused("twice in a list", 400, post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n")),
  refused(
    "twice in two fields",
    400,
    post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
  ),
  refused("not last", 400, post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n")),
  refused("identity", 400, post("Transfer-Encoding: identity\r\n", "0\r\n\r\n")),
  refused("only gzip", 400, post("Transfer-Encoding: gzip\r\n", "0\r\n\r\n")),
  refused("gzip before chunked", 501, post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")),
  refused(
    "gzip before chunked in two fields",
    501,
    post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", ""),
  ),
  refused("something like chunked", 400, post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")),
  refused("chunked with a parameter", 400, post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n")),
  refused("chunked in quotes", 400, post('Transfer-Encoding: "chunked"\r\n', "0\r\n\r\n")),
  refused("chunked behind a vertical tab", 400, post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n")),
  refused("an empty coding", 400, post("Transfer-Encoding:\r\n", "0\r\n\r\n")),
  refused("an empty element in the list", 400, post("Transfer-Encoding: ,chunked\r\n", "0\r\n\r\n")),
  refused("an empty element behind it", 400, post("Transfer-Encoding: chunked,\r\n", "0\r\n\r\n")),
  refused(
    "an empty coding in a second field",
    400,
    post("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n", "0\r\n\r\n"),
  ),
  refused(
    "a coding with a space before its colon",
    400,
    post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
  ),
  refused("a coding with a byte above 0x7F", 400, post("Transfer-Encoding: chunked\xa0\r\n", "0\r\n\r\n")),
  refused("a coding with a NUL", 400, post("Transfer-Encoding: chunked\0\r\n", "0\r\n\r\n")),
  refused("chunked with GET, not last", 400, get("Transfer-Encoding: chunked, identity\r\n")),
  refused("a folded coding", 400, post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")),
  refused("no size", 400, chunked("\r\nhello\r\n0\r\n\r\n")),
  refused("a size with a sign", 400, chunked("+5\r\nhello\r\n0\r\n\r\n")),
  refused("a size with 0x", 400, chunked("0x5\r\nhello\r\n0\r\n\r\n")),
  refused("a space before a size", 400, chunked(" 5\r\nhello\r\n0\r\n\r\n")),
  refused("a space after a size", 400, chunked("5 \r\nhello\r\n0\r\n\r\n")),
  refused("a size without data", 400, chunked("g\r\n")),
  refused("a negative size", 400, chunked("-1\r\nx\r\n0\r\n\r\n")),
  refused("a size with an underscore", 400, chunked("1_0\r\nx\r\n0\r\n\r\n")),
  refused("a size with a point", 400, chunked("1.0\r\nx\r\n0\r\n\r\n")),
  refused("a size behind a tab", 400, chunked("\t1\r\nx\r\n0\r\n\r\n")),
  refused("a size with an extension's sign before it", 400, chunked(";a\r\nx\r\n0\r\n\r\n")),
  refused("a size with a comma", 400, chunked("1,1\r\nx\r\n0\r\n\r\n")),
  refused("a size whose line ends with a bare CR", 400, chunked("1\rx\r\n0\r\n\r\n")),
  refused("a size that is small again beyond 64 bits", 413, chunked("10000000000000001\r\nx\r\n0\r\n\r\n")),
  refused("an extension with a bare CR before its LF", 400, chunked("1;a\r\r\nx\r\n0\r\n\r\n")),
  refused("an extension with a bare LF in its quotes", 400, chunked('1;a="\n"\r\nx\r\n0\r\n\r\n')),
  refused("a bare LF after a size", 400, chunked("5\nhello\r\n0\r\n\r\n")),
  refused("a bare LF in an extension", 400, chunked("5;a\nb\r\nhello\r\n0\r\n\r\n")),
  refused("a bare CR in an extension", 400, chunked("5;a\rb\r\nhello\r\n0\r\n\r\n")),
  refused("an extension without a name", 400, chunked("5;\r\nhello\r\n0\r\n\r\n")),
  refused("an extension with an unclosed quote", 400, chunked('5;a="b\r\nhello\r\n0\r\n\r\n')),
  refused("an extension that is too long", 400, chunked(`5;${"a".repeat(260)}`)),
  refused("too many extensions", 400, chunked(`1;${"a".repeat(200)}\r\nx\r\n`.repeat(90))),
  refused("data that is longer than its size", 400, chunked("3\r\nhello\r\n0\r\n\r\n")),
  refused("data that ends with a bare LF", 400, chunked("5\r\nhello\n0\r\n\r\n")),
  refused("data that ends with a bare CR", 400, chunked("5\r\nhello\r0\r\n\r\n")),
  refused("too much data", 413, chunked(`100\r\n${"x".repeat(0x100)}\r\n101\r\n`)),
  refused("a size beyond all numbers", 413, chunked(`${"f".repeat(200)}\r\n`)),
  refused("a trailer without a colon", 400, chunked("0\r\nX-Sum\r\n\r\n")),
  refused("a trailer with a space before its colon", 400, chunked("0\r\nX : 1\r\n\r\n")),
  refused("a trailer with a bare LF", 400, chunked("0\r\nX: 1\n\r\n")),
  refused("a trailer section that is too long", 431, chunked(`0\r\nX: ${"y".repeat(9000)}`)),
  refused("too many trailers", 431, chunked(`0\r\n${"X: y\r\n".repeat(65)}\r\n`)),
];

export const RAW_CASES: readonly RawCase[] = [
  ...REQUEST_LINES,
  ...FIELDS,
  ...CONNECTIONS,
  ...LENGTHS,
  ...CHUNKED,
];
