// Some servers say a request back; what was confidential in ours does not get into errors and traces that way.
import { describe, expect, it } from 'vitest'
import { hiding } from '../../../src/tunnel/upgrade-request.js'

describe('what a peer says back', () => {
  const hide = hiding(['Bearer abcdefgh.ijkl', 'id=0123456789; theme=dark', '?token=zyxwvuts&v=2'])

  it.each([
    ['you sent Bearer abcdefgh.ijkl', 'you sent [redacted]'],
    ['abcdefgh.ijkl is no good', '[redacted] is no good'],
    ['cookie 0123456789, 0123456789', 'cookie [redacted], [redacted]'],
    ['GET /x?token=zyxwvuts&v=2', 'GET /x[redacted]'],
    ['zyxwvuts', '[redacted]'],
  ])('%s becomes %s', (said, shown) => {
    expect(hide(said)).toBe(shown)
  })

  it('keeps what is too short to be a secret', () => {
    expect(hide('Bearer realm="dark", v=2')).toBe('Bearer realm="dark", v=2')
  })
})
