// What `npm run dev:worker` hands the page, in the fragment of its URL: fragments are not sent to servers, and this one is
// taken out of the address, and of the history entry, as soon as it is read. The page never makes one, and takes one on
// loopback alone: elsewhere a link could fill the form with somebody else's idea of whom to trust.
import type { Prefill } from './form.js'

export function takePrefill(): Prefill | undefined {
  const encoded = /^#dev=([\w-]+)$/.exec(location.hash)?.[1]
  if (encoded === undefined) return undefined
  history.replaceState(null, '', location.pathname)
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(location.hostname)) return undefined
  try {
    const binary = atob(encoded.replaceAll('-', '+').replaceAll('_', '/'))
    const bytes = Uint8Array.from(binary, (symbol) => symbol.charCodeAt(0))
    const given: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof given === 'object' && given !== null ? (given as Prefill) : undefined
  } catch {
    return undefined
  }
}
