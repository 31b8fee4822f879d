/**
 * Where a project's images are kept under tags: a registry, or this machine's node where none is configured. The workflow knows no more of
 * either than this.
 */
import type { Image } from '#images/image.ts'

export interface ImageStore {
  /** Of the project, without a tag: `registry.example.com/team/web`. */
  readonly repository: string
  /** Images are on this node alone: nobody can pull them, so nobody is to try. */
  readonly isLocal: boolean
  tags(): Promise<readonly string[]>
  /** Undefined where there is no such tag. */
  digest(tag: string): Promise<string | undefined>
  /** RFC 3339, as the image says; builders fix it, so that it may say nothing. */
  created(tag: string): Promise<string | undefined>
  /** `tag` names what `from`, a tag or a digest, names now. */
  retag(from: string, tag: string): Promise<void>
  push(image: Image, tag: string): Promise<string>
  pull(tag: string): Promise<Image>
}
