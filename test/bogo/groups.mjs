// Why a test failed, in one line: what is not built yet goes first, then what we said against what was wanted.

/** The title under which a failed test is listed; `lines` are the runner's about it. */
export function group({ name, expectedError, expectedLocalError, lines }) {
  const [what = ''] = lines
  const text = lines.join('\n')
  const [, notBuilt] = /:NOT_BUILT: ([^:\n]*)/.exec(text) ?? []
  if (notBuilt !== undefined) return `needs ${notBuilt}`
  if (needsTls12(name, text)) return 'needs TLS 1.2'
  if (/resumption: |didResume is (false|true)/.test(text)) return 'needs resumption'
  // What follows is what the runner wanted, translated.
  const got = text.split('\nwant:')[0]
  const ours = [...got.matchAll(/:((?:ERR|ALERT|APPLICATION|UNEXPECTED|UNCLEAN|SHIM)_?\w*):/g)].map(
    ([, code]) => code,
  )
  const [, local = 'none'] = /local: "(.*)"/.exec(text) ?? []
  const wanted = [expectedError, expectedLocalError].filter((part) => part !== '').join(' ')
  return `${what}: ${ours.join(' ') || 'nothing on stderr'}, runner ${local}; wanted ${wanted || 'success'}`
}

function needsTls12(name, text) {
  return (
    /client did not offer|no supported versions|protocol version not supported|unsupported.* version|ALERT_PROTOCOL_VERSION/i.test(
      text,
    ) || /(^|-)TLS12(-|$)/.test(name)
  )
}
