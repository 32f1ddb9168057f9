// Text to the clipboard, on insecure origins too, where the modern way is missing.
import { el } from './dom.js'

/** Whether it could be done. */
export async function copyText(text: string): Promise<boolean> {
  try {
    if (navigator.clipboard !== undefined) {
      await navigator.clipboard.writeText(text)
      return true
    }
  } catch {
    // Denied: the old way asks for no permission.
  }
  const field = el('textarea', { class: 'unseen', 'aria-hidden': 'true' })
  field.value = text
  const place = document.querySelector('dialog[open]') ?? document.body
  place.append(field)
  field.select()
  const done = document.execCommand('copy')
  field.remove()
  return done
}
