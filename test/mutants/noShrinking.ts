/** For mutants: the first counter-example will do. */
import fc from "fast-check";

fc.configureGlobal({ endOnFailure: true });
