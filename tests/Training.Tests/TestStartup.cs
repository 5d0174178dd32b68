using System.Runtime.CompilerServices;
using Ganymede.Training;

namespace Ganymede.Tests;

internal static class TestStartup
{
    // Tests may touch TorchSharp before anything of Ganymede.Training, whose own initializer would then come too late.
    [ModuleInitializer]
    internal static void LoadTorch() => NativeBackend.EnsureLoaded();
}
