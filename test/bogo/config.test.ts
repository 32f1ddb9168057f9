// The translation the runner is given must not name codes that are gone, nor switch tests off without saying why.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { errorRows } from '../../src/errors-node.js'
import { readCommandLine, Unimplemented } from './flags.js'
import { outOfScope } from './scope.js'

const config = JSON.parse(readFileSync(new URL('./config.json', import.meta.url), 'utf8')) as {
  DisabledTests: Record<string, string>
  ErrorMap: Record<string, string[]>
}

describe('config.json', () => {
  it('names only codes of the table', () => {
    const codes = new Set<string>(errorRows().map(({ code }) => code))
    const named = Object.values(config.ErrorMap)
      .flat()
      .flatMap((ours) => /^:(ERR_\w+):/.exec(ours)?.[1] ?? [])
    expect(named.filter((code) => !codes.has(code))).toEqual([])
    expect(named.length).toBeGreaterThan(40)
  })

  it('gives every disabled test a sentence', () => {
    const bare = Object.entries(config.DisabledTests).filter(([, reason]) => !/^[A-Z].{20,}\.$/.test(reason))
    expect(bare).toEqual([])
  })
})

describe('flags', () => {
  it('hold for their phase only', () => {
    const line = readCommandLine([
      '-on-initial-expect-alpn',
      'a',
      '-on-resume-expect-alpn',
      'b',
      '-port',
      '7',
    ])
    expect(line.settings('initial')).toMatchObject({ expectAlpn: 'a', port: 7 })
    expect(line.settings('resume')).toMatchObject({ expectAlpn: 'b', port: 7 })
  })

  it('about a credential belong to the one begun last', () => {
    const { defaultCredential, credentials } = readCommandLine([
      ...['-cert-file', 'd', '-new-x509-credential', '-cert-file', 'x', '-signing-prefs', '1027'],
      ...['-new-x509-credential', '-must-match-issuer'],
    ]).settings('initial')
    expect(defaultCredential.certFile).toBe('d')
    expect(credentials).toEqual([
      { certFile: 'x', signingPrefs: [1027], mustMatchIssuer: false },
      { signingPrefs: [], mustMatchIssuer: true },
    ])
  })

  it('read a protocol list in wire form', () => {
    const { alpn } = readCommandLine(['-advertise-alpn', '\x03foo\x06barbaz']).settings('initial')
    expect(alpn).toEqual(['foo', 'barbaz'])
  })

  it.each(['-no-such-flag', ...Object.keys(outOfScope)])('refuse %s as unimplemented', (flag) => {
    expect(() => readCommandLine([flag])).toThrow(Unimplemented)
    expect(() => readCommandLine([flag.replace('-', '-on-resume-')])).toThrow(Unimplemented)
  })
})
