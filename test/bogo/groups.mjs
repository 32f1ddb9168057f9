// Why a test failed, in one line: what is not built yet goes first, then what we said against what was wanted.

/** The title under which a failed test is listed; `lines` are the runner's about it. */
export function group({ expectedError, expectedLocalError, lines }) {
  const [what = ''] = lines
  const text = lines.join('\n')
  const [, notBuilt] = /:NOT_BUILT: ([^:\n]*)/.exec(text) ?? []
  if (notBuilt !== undefined) return `needs ${notBuilt}`
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
