namespace Ganymede.Cli;

/// <summary>Where the command line has a Coordinator's API key from. Never from an option's value: every user of the machine can read those.</summary>
internal static class KeySource
{
    public const string Variable = "GANYMEDE_API_KEY";

    private const int MostCharacters = 4096;

    /// <summary>The key, or null where none is given: a Coordinator on loopback need not have one.</summary>
    /// <param name="file">What <c>--api-key-file</c> said, if anything.</param>
    /// <param name="isLocal">The Coordinator is started by this command, and inherits its environment, a key in it as well.</param>
    public static string? Read(string? file, bool isLocal, List<string> problems)
    {
        if (file is not null)
            return ReadFile(file, "--api-key-file", problems);
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given)
            return Sound(given.Trim(), Variable, problems);
        if (isLocal && Environment.GetEnvironmentVariable("GANYMEDE__Http__ApiKey") is { Length: > 0 } inherited)
            return Sound(inherited, "GANYMEDE__Http__ApiKey", problems);
        return isLocal && Environment.GetEnvironmentVariable("GANYMEDE__Http__ApiKeyFile") is { Length: > 0 } inheritedFile
            ? ReadFile(inheritedFile, "GANYMEDE__Http__ApiKeyFile", problems)
            : null;
    }

    private static string? ReadFile(string file, string source, List<string> problems)
    {
        try
        {
            using var text = File.OpenText(file);
            var characters = new char[MostCharacters];
            return Sound(new string(characters, 0, text.ReadBlock(characters)).Trim(), $"{source} {file}", problems);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            problems.Add($"{source} {file}: {error.Message}");
            return null;
        }
    }

    private static string? Sound(string key, string source, List<string> problems)
    {
        if (key.Length > 0 && key.All(c => c is > ' ' and <= '~'))
            return key;
        problems.Add($"{source}: {(key.Length == 0 ? "is empty" : "holds more than one word, or characters that are not ASCII")}; an API key is expected.");
        return null;
    }
}
