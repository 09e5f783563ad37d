// Entity tags in the fields of conditional requests (RFC 9110 section 8.8.3). Our own tags are strong.

/**
 * One member of a list of tags, with what follows it; sticky. Space behind a tag is part of its group: two runs of space beside each
 * other could share one in as many ways as it is long, and each would be tried before a field is found wrong.
 */
const MEMBER = /[ \t]*(?:(W\/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*)?(?:,|$)/y;

/**
 * Whether If-Match or If-None-Match names the strong tag `etag`, or anything ("*"). `isWeakly`: a weak tag counts like a strong one
 * (section 8.8.3.2). A field that is no list of tags names nothing from where it is wrong.
 */
export function namesTag(field: string, etag: string, isWeakly: boolean): boolean {
  if (field.trim() === "*") return true;
  MEMBER.lastIndex = 0;
  while (MEMBER.lastIndex < field.length) {
    const member = MEMBER.exec(field);
    if (member === null) return false;
    if (member[2] === etag && (isWeakly || member[1] === undefined)) return true;
  }
  return false;
}
