import type { Holder } from "../blobs/holder.ts";
import { printable } from "./printable.ts";

/** A holder without a record: a go-azuremutex, an `AzureMutex.acquire`, a locker without fencing. */
export const UNNAMED_HOLDER = "an unnamed holder";
/** The first waiter for a permit: it leaves neither name nor time. */
export const UNNAMED_WAITER = "an unnamed waiter";

/** The name of a holder, made printable: it is text of another process. */
export function holderName(holder: Pick<Holder, "name"> | undefined): string {
  return holder ? printable(holder.name) : UNNAMED_HOLDER;
}

/** The name of a waiter, made printable: it is text of another process. */
export function waiterName({ holder }: { readonly holder?: Pick<Holder, "name"> | undefined }): string {
  return holder ? printable(holder.name) : UNNAMED_WAITER;
}
