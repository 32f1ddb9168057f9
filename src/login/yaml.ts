// YAML within bounds. The parser of the `yaml` package goes down with what is nested, as deep as the stack allows, and where
// that ends it can take the process along; its readable errors cost the length of the text each. So length and depth are looked at
// first, by its own lexer, which does neither.
import type { Document } from 'yaml'
import { loaded } from '../errors-node.js'

/** Characters; a profile, or a configuration that somebody wrote, has a few thousand. */
const MAX_LENGTH = 64 * 1024
const MAX_DEPTH = 100

/** The document, with the errors in it; undefined when it is longer, or nested deeper, than will be read. */
export async function readYaml(
  text: string,
  options: { readonly schema?: 'failsafe' } = {},
): Promise<Document.Parsed | undefined> {
  // Loaded only when a text is met: no other login needs YAML.
  const { Lexer, Parser, parseDocument } = await loaded(import('yaml'))
  if (text.length > MAX_LENGTH) return undefined
  const parser = new Parser()
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme));
    if (parser.stack.length > MAX_DEPTH) return undefined
  }
  return parseDocument(text, { ...options, prettyErrors: false, logLevel: 'silent' })
}
