"""The console's second half: files of the include folder, drafted, checked, tried and published."""
