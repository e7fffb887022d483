/* Faults that each analyser knows: one that finds none here is not at work. */
#include <stdlib.h>

int probe(int);

int
probe(int n)
{
	int *p, unset;

	p = malloc(sizeof(*p));
	if (n > 1)
		return *(int *)NULL;
	free(p);
	free(p);
	return unset;
}
