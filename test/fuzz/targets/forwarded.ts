// Whose request it is, by headers that anybody may write, and the PROXY protocol header that tells a service: the client's
// address is an address that our own proxies wrote, and the header reads back as it was meant.
import { isIP } from 'node:net'
import fc from 'fast-check'
import { addressGroup, clientAddress, forwardedRule } from '../../../src/gateway/forwarded.js'
import { proxyHeader } from '../../../src/gateway/proxy-protocol.js'
import { mutatedText } from '../bytes.js'
import { must, type Target, target } from '../target.js'

interface Request {
  readonly header: 'x-forwarded-for' | 'forwarded'
  readonly lines: readonly string[]
  readonly hops: number | null
  /** What the nearest proxy of ours appends. */
  readonly ours: string
  readonly text: string
}

const addresses = [
  '192.0.2.1',
  '198.51.100.7',
  '2001:db8::1',
  '::1',
  '::ffff:192.0.2.9',
  '10.0.0.1',
  'fe80::1%eth0',
  '2001:db8:1:2:3:4:5:6',
  '::ffff:0:0',
  '1::',
]
// biome-ignore format: a list
const bases = ['192.0.2.1, 10.0.0.1', 'for=192.0.2.1;proto=https;by=10.0.0.1, for="[2001:db8::1]:443"', 'for=unknown, for=_x', 'by="a;for=6.6.6.6";host="a,b\\"c";for=192.0.2.1', '']
const pieces = [',', ';', '"', '\\', '\\"', 'for=', 'for="', '[', ']', ' ', '\t', ':', '=', '%', ...addresses]

export const forwardedTarget: Target = target(
  'forwarded',
  'X-Forwarded-For, Forwarded and PROXY headers',
  () => ({
    input: fc.record({
      header: fc.constantFrom('x-forwarded-for' as const, 'forwarded' as const),
      lines: fc.array(
        // As much as node:http takes, and none of the control characters that it refuses.
        mutatedText(bases, pieces).map((text) => text.replace(/[^\t\x20-\x7e]/g, '').slice(0, 16_000)),
        { maxLength: 3 },
      ),
      hops: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 4 })),
      ours: fc.constantFrom(...addresses.filter((address) => !address.includes('%'))),
      text: fc.string({ maxLength: 60 }),
    }),
    execute({ header, lines, hops, ours, text }: Request) {
      const rule = forwardedRule(
        hops === null ? { header, trusted: ['10.0.0.0/8', '::1'] } : { header, hops },
      )
      const own = header === 'forwarded' ? `for="${ours.includes(':') ? `[${ours}]` : ours}"` : ours
      // As a proxy does it: behind what came, in a line of its own.
      const given = clientAddress(rule, { [header]: [...lines, own] }, '10.9.9.9')
      must(isIP(given) !== 0, `${JSON.stringify(given)} is no address`)
      if (hops === 1)
        must(
          given === ours.replace('::ffff:192', '192'),
          `our proxy wrote ${ours}, and ${given} was believed`,
        )
      must(isIP(clientAddress(rule, { [header]: lines.join(', ') }, '10.9.9.9')) !== 0, 'no address')
      for (const address of addresses) addressGroup(address)
      must(addressGroup(given).length < 60, 'a group without end')
      const head = proxyHeader({
        source: { address: given, port: 65_535 },
        destination: { address: ours, port: 1 },
        alpn: text.replace(/[^\0-\xff]/g, '').slice(0, 255),
        serverName: text,
        tls: { version: 'TLSv1.3', cipher: text, verified: true, commonName: text },
      })
      checkHeader(head, given, ours)
    },
  }),
)

/** HAProxy's proxy-protocol.txt §2.2, read again. */
function checkHeader(head: Buffer, source: string, destination: string): void {
  must(
    head.subarray(0, 12).toString('hex') === '0d0a0d0a000d0a515549540a' && head[12] === 0x21,
    'no PROXY header',
  )
  must(head.readUInt16BE(14) === head.length - 16, 'a wrong length')
  const addressBytes = head[13] === 0x11 ? 4 : head[13] === 0x21 ? 16 : 0
  let at = 16
  if (addressBytes > 0) {
    must(
      same(text(head.subarray(at, at + addressBytes)), source),
      `${source} was written as ${text(head.subarray(at, at + addressBytes))}`,
    )
    must(
      same(text(head.subarray(at + addressBytes, at + 2 * addressBytes)), destination),
      'another destination',
    )
    at += 2 * addressBytes + 4
  }
  while (at < head.length) at += 3 + head.readUInt16BE(at + 1)
  must(at === head.length, 'TLVs that do not end with the header')
}

function text(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16))
  return groups.join(':')
}

/** One address, however it is spelled: by the URL parser. */
function same(left: string, right: string): boolean {
  const canonical = (address: string) => {
    const plain = address.split('%', 1)[0]!
    const wide = isIP(plain) === 4 && isIP(left.split('%', 1)[0]!) === 6 ? `::ffff:${plain}` : plain
    return isIP(wide) === 6 ? new URL(`http://[${wide}]`).hostname : wide
  }
  return canonical(left) === canonical(right)
}
