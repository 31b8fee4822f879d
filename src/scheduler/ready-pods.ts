/**
 * The pods that may be placed, first come first among equals. Those that come in the order in which they are to go, as most do, wait in a line and cost
 * nothing more, however many they are; the others wait in a heap.
 */
import { Heap } from '#lib/heap.ts'

export class ReadyPods<T> {
  #line: (T | undefined)[] = []
  #head = 0
  #others: Heap<T>
  #compare: (a: T, b: T) => number

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare
    this.#others = new Heap(compare)
  }

  push(item: T): void {
    const isLast = this.#head === this.#line.length || this.#compare(this.#line.at(-1) as T, item) <= 0
    if (isLast) this.#line.push(item)
    else this.#others.push(item)
  }

  pop(): T | undefined {
    const first = this.#line[this.#head]
    const other = this.#others.peek()
    if (first === undefined || (other !== undefined && this.#compare(other, first) < 0)) return this.#others.pop()
    this.#line[this.#head++] = undefined
    if (this.#head === this.#line.length) this.#clear()
    else if (this.#head >= longest && this.#head * 2 >= this.#line.length) this.#shorten()
    return first
  }

  #clear(): void {
    this.#line = []
    this.#head = 0
  }

  #shorten(): void {
    this.#line = this.#line.slice(this.#head)
    this.#head = 0
  }
}

/** Places left empty at the beginning of the line. */
const longest = 1_024
