// A place where files can be dropped or chosen. Files are read here and go nowhere else.
import { el, uniqueId } from './dom.js'

export interface DroppedFile {
  readonly name: string
  readonly bytes: Uint8Array<ArrayBuffer>
  /** As UTF-8; undefined when it is none. */
  readonly text: string | undefined
}

/** Credentials are small; whatever is larger is none. */
const mostBytes = 4 << 20

/** `area` takes drops; the element returned is the button that opens a file dialog. */
export function dropZone(
  area: HTMLElement,
  label: string,
  taken: (file: DroppedFile) => void | Promise<void>,
  refused: (why: string) => void,
): HTMLElement {
  const input = el('input', { type: 'file', id: uniqueId('file'), class: 'unseen', multiple: true })
  const button = el('label', { for: input.id, class: 'file-button' }, label)
  const read = async (files: Iterable<File>) => {
    for (const file of files) {
      if (file.size > mostBytes) refused(`${file.name} is too large to be a credential.`)
      else await taken(await contents(file))
    }
  }
  input.addEventListener('change', () => {
    void read(input.files ?? []).finally(() => {
      input.value = ''
    })
  })
  area.addEventListener('dragover', (event) => {
    event.preventDefault()
    area.classList.add('over')
  })
  area.addEventListener('dragleave', () => area.classList.remove('over'))
  area.addEventListener('drop', (event) => {
    event.preventDefault()
    area.classList.remove('over')
    void read(event.dataTransfer?.files ?? [])
  })
  return el('span', { class: 'file' }, input, button)
}

async function contents(file: File): Promise<DroppedFile> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  let text: string | undefined
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    text = undefined
  }
  return { name: file.name, bytes, text }
}
