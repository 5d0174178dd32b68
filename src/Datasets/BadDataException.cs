namespace Ganymede.Datasets;

/// <summary>
/// Input of the user that cannot be used. The message is one line and names the option or file, so that it can be
/// shown as it is (exit code 2).
/// </summary>
public sealed class BadDataException(string message) : Exception(message);
